//! A teacher as a writer: its identity, what requests want otherwise, what is done and what is refused.

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, GenerationSettings, Overrides, Prompt, Sampler,
    Sampling, Writer,
};
use idiolect_teacher::{Budget, ServerSettings, Teacher, TeacherConfig, TeacherError};
use serde_json::json;

use crate::asking::{chat, good, settings};
use crate::common::{Act, Server};

fn written(
    writer: &mut dyn Writer,
    requests: &[CompletionRequest],
) -> (Vec<Completion>, Result<(), BoxError>) {
    let mut done = Vec::new();
    let ended = writer.complete(requests, &mut |completion| {
        done.push(completion);
        Ok(())
    });
    (done, ended)
}

#[test]
fn the_identity_is_the_model_and_the_sampler_as_journals_hold_them() {
    let server = Server::start(good);
    let named = ServerSettings {
        server_model: Some("m".into()),
        ..ServerSettings::default()
    };
    let generation = GenerationSettings {
        stop: vec!["###".into()],
        ..Sampler::Sdft2402.into()
    };
    let teacher = Teacher::from_settings(&server.url, &named, &generation, 1).unwrap();
    // As they stand in journals that were written before; the numbers went through f32.
    let expected = r####"{"model":"m","adapter":null,"sampler":{"temperature":0.949999988079071,"top_k":50,"top_p":0.699999988079071,"min_p":0.0,"repetition_penalty":1.0,"stops":["###"],"max_new_tokens":512}}"####;
    assert_eq!(
        serde_json::to_string(&teacher.identity()).unwrap(),
        expected
    );
}

#[test]
fn requests_that_are_done_are_not_asked_and_the_rest_is_told() {
    let server = Server::start(good);
    let budget = Budget {
        prompt_price: 10_000.0,
        text_price: 20_000.0,
        ..Budget::default()
    };
    let mut teacher = Teacher::new(TeacherConfig {
        budget,
        ..settings(&server)
    })
    .unwrap();
    let requests = [0, 1, 2].map(|id| CompletionRequest {
        done: id == 1,
        ..chat(id)
    });
    let (mut done, ended) = written(&mut teacher, &requests);
    ended.unwrap();
    done.sort_by_key(|completion| completion.id.as_u64());
    let ids: Vec<_> = done.iter().map(|completion| &completion.id).collect();
    assert_eq!(ids, [&json!(0), &json!(2)]);
    assert_eq!(done[1].text, "after half 2");
    assert_eq!((done[1].token_count, &done[1].token_ids), (5, &None));
    assert_eq!(server.count(), 2);
    assert_eq!(
        teacher.spending(),
        "m: 2 texts in 2 attempts, 20 tokens of prompts, 10 of texts, 0.4000 of money"
    );
}

#[test]
fn what_a_request_wants_otherwise_is_sent_for_it_alone() {
    let server = Server::start(good);
    let mut teacher = Teacher::new(TeacherConfig {
        in_flight: 1,
        stop: vec!["###".into()],
        ..settings(&server)
    })
    .unwrap();
    let overrides = Overrides {
        sampling: Some(Sampling {
            temperature: 0.5,
            ..Sampling::GREEDY
        }),
        max_new_tokens: Some(7),
        stops: vec!["END".into()],
    };
    let other = CompletionRequest {
        overrides,
        ..chat(3)
    };
    let (_, ended) = written(&mut teacher, &[other, chat(4)]);
    ended.unwrap();
    let asked = server.asked.lock().unwrap();
    let turns = |text| json!([{"role": "user", "content": text}]);
    assert_eq!(
        asked[0].body,
        json!({
            "model": "m", "messages": turns("half 3"), "max_tokens": 7, "temperature": 0.5, "seed": 3,
            "stop": ["###", "END"],
        })
    );
    assert_eq!(
        asked[1].body,
        json!({
            "model": "m", "messages": turns("half 4"), "max_tokens": 512, "temperature": 0.0,
            "stop": ["###"],
        })
    );
}

/// The budget counts the request's own limit: 11 tokens of prompt at most and 5 new ones fit, 512 do not.
#[test]
fn the_budget_counts_the_limit_of_the_request() {
    let server = Server::start(good);
    let budget = Budget {
        tokens: Some(20),
        ..Budget::default()
    };
    let config = TeacherConfig {
        budget,
        ..settings(&server)
    };
    let mut teacher = Teacher::new(config).unwrap();
    let small = CompletionRequest {
        overrides: Overrides {
            max_new_tokens: Some(5),
            ..Overrides::default()
        },
        ..chat(0)
    };
    assert!(written(&mut teacher, &[chat(0)]).1.is_err());
    written(&mut teacher, &[small]).1.unwrap();
    assert_eq!(server.count(), 1);
}

#[test]
fn a_rendered_prompt_is_refused_before_anything_is_sent() {
    let server = Server::start(good);
    let mut teacher = Teacher::new(settings(&server)).unwrap();
    let text = json!({"text": "Hi", "trained": false, "content": true});
    let pieces = json!({"pieces": [{"Text": [text]}]});
    let rendered = CompletionRequest {
        prompt: Prompt::Rendered(serde_json::from_value(pieces).unwrap()),
        ..chat(1)
    };
    let (done, ended) = written(&mut teacher, &[chat(0), rendered]);
    let error = ended.unwrap_err();
    assert!(matches!(
        error.downcast_ref(),
        Some(TeacherError::Request { name: "prompt", .. })
    ));
    assert_eq!(
        error.to_string(),
        "id 1: prompt: expected a text or a chat, for a server has its own template and special tokens, \
         found a rendered prompt"
    );
    assert_eq!((done.len(), server.count()), (0, 0));
}

#[test]
fn the_error_in_the_box_is_the_teachers_own() {
    let server = Server::start(|_| Act::Reply(400, "", "no".into()));
    let mut teacher = Teacher::new(settings(&server)).unwrap();
    let error = written(&mut teacher, &[chat(0)]).1.unwrap_err();
    assert!(matches!(
        error.downcast_ref(),
        Some(TeacherError::Status { status: 400, .. })
    ));
}
