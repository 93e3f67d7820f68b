//! A model as a writer: resumed batches, what single requests want, and who it is.

use std::collections::BTreeMap;
use std::sync::Mutex;

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, GivenResponse, Overrides, Progress, Prompt, Writer,
};
use idiolect_data::text_hash;
use idiolect_generate::{GenerationSettings, Request, Sampler, Sampling};
use idiolect_lm::LocalWriter;

use crate::tiny::{peft, tiny, user};

/// Sampled, in batches of two.
fn settings() -> GenerationSettings {
    GenerationSettings {
        max_new_tokens: 9,
        generation_batch_size: 2,
        ..Sampler::Sdft2402.into()
    }
}

/// Requests of several lengths, more than one group of them.
fn requests() -> Vec<CompletionRequest> {
    let request = |number: usize| {
        let text = format!("Say {}.", "red ".repeat(1 + number * 7 % 5));
        let prompt = match number % 3 {
            0 => Prompt::Text(text),
            _ => Prompt::Chat(user(&text)),
        };
        CompletionRequest::new(number.into(), prompt, Request::row_seed(5, number))
    };
    (0..40).map(request).collect()
}

/// What a writer makes of requests, by id.
fn written(
    writer: &mut LocalWriter<'_>,
    requests: &[CompletionRequest],
) -> BTreeMap<String, Completion> {
    let mut found = BTreeMap::new();
    let done = writer.complete(requests, &mut |done| {
        assert!(found.insert(done.id.to_string(), done).is_none());
        Ok(())
    });
    done.unwrap();
    found
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Progress for Told {
    fn begin(&self, stage: &str, total: usize) {
        self.0.lock().unwrap().push(format!("{stage} {total}"));
    }

    fn advance(&self, units: usize) {
        self.0.lock().unwrap().push(format!("+{units}"));
    }

    fn end(&self) {
        self.0.lock().unwrap().push("end".into());
    }

    fn note(&self, line: &str) {
        self.0.lock().unwrap().push(line.into());
    }
}

#[test]
fn a_resumed_run_repeats_the_batch_that_it_was_in() {
    let Some(model) = tiny() else { return };
    let all = requests();
    let whole = written(&mut model.writer(&settings()).unwrap(), &all);
    assert_eq!(whole.len(), 40);
    let reasons: Vec<&str> = whole
        .values()
        .map(|done| done.finish_reason.as_str())
        .collect();
    assert!(reasons.contains(&"length"), "{reasons:?}");
    // Interrupted after some completions of some batch.
    let mut journal = Vec::new();
    let stopped = model
        .writer(&settings())
        .unwrap()
        .complete(&all, &mut |done| {
            journal.push(done.id);
            if journal.len() < 19 {
                Ok(())
            } else {
                Err(BoxError::from("stopped"))
            }
        });
    assert_eq!(stopped.unwrap_err().to_string(), "stopped");
    assert_eq!(journal.len(), 19);
    let mut rest = all.clone();
    for request in &mut rest {
        request.done = journal.contains(&request.id);
    }
    let told = Told::default();
    let mut writer = model
        .writer(&settings())
        .unwrap()
        .progress("rewrite", &told);
    let resumed = written(&mut writer, &rest);
    assert_eq!(resumed.len(), 40 - 19);
    assert!(resumed.iter().all(|(id, done)| whole[id] == *done));
    let told = told.0.into_inner().unwrap();
    assert_eq!(told[..2], ["rewrite 40", "+19"]);
    assert_eq!(told.iter().filter(|line| *line == "+1").count(), 21);
    assert!(told.contains(&"end".to_string()));
    for request in &mut rest {
        request.done = true;
    }
    assert!(written(&mut model.writer(&settings()).unwrap(), &rest).is_empty());
}

#[test]
fn a_text_is_the_same_alone_and_among_others() {
    let Some(model) = tiny() else { return };
    let all = requests();
    let together = written(&mut model.writer(&settings()).unwrap(), &all);
    for request in &all[..4] {
        let alone = written(
            &mut model.writer(&settings()).unwrap(),
            std::slice::from_ref(request),
        );
        assert_eq!(
            alone[&request.id.to_string()].text,
            together[&request.id.to_string()].text
        );
    }
}

#[test]
fn rendered_prompts_and_turns_are_written_alike() {
    let Some(model) = tiny() else { return };
    let turns = user("Say red.");
    let rendered = Prompt::Rendered(model.template().prompt(&turns).unwrap());
    let raw = Prompt::Text("Say red.".into());
    let prompts = [Prompt::Chat(turns), rendered, raw];
    let request = |(at, prompt): (usize, Prompt)| CompletionRequest::new(at.into(), prompt, 4);
    let all: Vec<_> = prompts.into_iter().enumerate().map(request).collect();
    let found = written(&mut model.writer(&settings()).unwrap(), &all);
    assert_eq!(found["0"].token_ids, found["1"].token_ids);
    assert_ne!(found["0"].token_ids, found["2"].token_ids);
    let ids = found["0"].token_ids.as_ref().unwrap();
    assert_eq!(found["0"].token_count, ids.len());
    assert!(found["0"].passes.unwrap() <= ids.len() + 1);
}

#[test]
fn what_a_request_wants_holds_for_it_alone() {
    let Some(model) = tiny() else { return };
    let mut all = requests();
    all.truncate(6);
    let greedy = GenerationSettings {
        max_new_tokens: 9,
        ..GenerationSettings::default()
    };
    let plain = written(&mut model.writer(&greedy).unwrap(), &all);
    all[1].overrides = Overrides {
        max_new_tokens: Some(3),
        ..Overrides::default()
    };
    all[2].overrides = Overrides {
        sampling: Some(Sampling::SDFT_2402),
        ..Overrides::default()
    };
    let stop = plain["4"].text.chars().nth(2).unwrap().to_string();
    all[4].overrides = Overrides {
        stops: vec![stop.clone()],
        ..Overrides::default()
    };
    let found = written(&mut model.writer(&greedy).unwrap(), &all);
    for id in ["0", "3", "5"] {
        assert_eq!(found[id].text, plain[id].text);
    }
    assert_eq!(
        found["1"].token_ids.as_ref().unwrap()[..],
        plain["1"].token_ids.as_ref().unwrap()[..3]
    );
    let sampled = GenerationSettings {
        max_new_tokens: 9,
        ..Sampler::Sdft2402.into()
    };
    all[2].overrides = Overrides::default();
    let expected = written(&mut model.writer(&sampled).unwrap(), &all[2..3]);
    assert_eq!(found["2"].text, expected["2"].text);
    assert_eq!(
        found["4"].text,
        plain["4"].text.split(&stop).next().unwrap()
    );
    assert_eq!(found["4"].finish_reason.as_str(), "stop_string");
}

#[test]
fn a_wish_is_cut_to_the_room_and_a_setting_is_refused() {
    let Some(model) = tiny() else { return };
    let text = "word ".repeat(40);
    let mut request = CompletionRequest::new(0.into(), Prompt::Text(text), 0);
    request.overrides.max_new_tokens = Some(100_000);
    let settings = GenerationSettings::default();
    let found = written(
        &mut model.writer(&settings).unwrap(),
        std::slice::from_ref(&request),
    );
    assert!(found["0"].token_count < model.max_positions());
    request.overrides.max_new_tokens = None;
    let long = GenerationSettings {
        max_new_tokens: 100_000,
        ..settings
    };
    let error = model
        .writer(&long)
        .unwrap()
        .complete(std::slice::from_ref(&request), &mut |_| Ok(()))
        .unwrap_err();
    assert!(
        error.to_string().contains("exceed the context of 256"),
        "{error}"
    );
    // Or a wish as well, where that is said: a teacher writes as far as it can.
    let mut writer = model.writer(&long).unwrap().cut_to_positions();
    let cut = written(&mut writer, std::slice::from_ref(&request));
    assert_eq!(cut["0"].token_count, found["0"].token_count);
    let wrong = GenerationSettings {
        top_p: f64::NAN,
        ..GenerationSettings::default()
    };
    assert!(
        model
            .writer(&wrong)
            .err()
            .unwrap()
            .to_string()
            .contains("top_p")
    );
}

#[test]
fn a_writer_is_known_by_everything_that_decides_a_text() {
    let Some(model) = tiny() else { return };
    let settings = GenerationSettings {
        stop: vec!["END".into()],
        ..settings()
    };
    let writer = model.writer(&settings).unwrap().extra_stops(&["###"]);
    let identity = writer.identity();
    assert_eq!(identity.model, model.model_hash().unwrap());
    assert_eq!(identity.adapter, None);
    let sampler = r####"{"temperature":0.949999988079071,"top_k":50,"top_p":0.699999988079071,"min_p":0.0,"repetition_penalty":1.0,"stops":["END","###"],"stop_ids":[2,4],"max_new_tokens":9,"batch_size":2,"share_prefixes":true,"speculate":4,"dtype":"F32"}"####;
    assert_eq!(identity.sampler.to_string(), sampler);
    let tuned = model.load_adapter(&peft("qv")).unwrap();
    let identity = tuned.writer(&settings).unwrap().identity();
    assert_eq!(identity.adapter, tuned.adapter_hash().unwrap());
    assert!(identity.adapter.is_some_and(|hash| hash != text_hash("")));
}

#[test]
fn a_given_response_has_the_distributions_of_one_that_was_written() {
    let Some(model) = tiny() else { return };
    let mut writer = model.writer(&settings()).unwrap().logprobs(5);
    let asked = &requests()[1..3];
    let wrote = written(&mut writer, asked);
    let again = |request: &CompletionRequest| {
        let Prompt::Chat(turns) = &request.prompt else {
            panic!("turns")
        };
        let done = &wrote[&request.id.to_string()];
        let given = GivenResponse {
            prompt: model.conversation_ids(turns).unwrap(),
            response: done.token_ids.clone().unwrap(),
            end: done.logprobs.as_ref().unwrap().end,
            text: done.text.clone(),
        };
        CompletionRequest::new(request.id.clone(), Prompt::Given(given), request.seed)
    };
    let given: Vec<CompletionRequest> = asked.iter().map(again).collect();
    let scored = written(&mut writer, &given);
    for (id, own) in &wrote {
        assert_eq!(
            (&scored[id].text, &scored[id].token_ids),
            (&own.text, &own.token_ids)
        );
        assert!(own.logprobs.is_some() && scored[id].logprobs == own.logprobs);
    }
    // Without a count there is nothing to say about it.
    let mut plain = model.writer(&settings()).unwrap();
    let error = plain.complete(&given, &mut |_| Ok(())).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("logprobs: expected at least 1")
    );
}
