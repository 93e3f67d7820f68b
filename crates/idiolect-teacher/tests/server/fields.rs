//! Servers that refuse a field which others want.

use idiolect_completion::{CompletionRequest, Prompt};
use idiolect_teacher::{LimitField, Teacher, TeacherConfig};
use serde_json::{Value, json};

use crate::asking::{all, chat, good, settings, told};
use crate::common::{Act, Asked, Server};

fn refused(message: &str, parameter: &str, code: &str) -> Act {
    let error = json!({"message": message, "type": "invalid_request_error", "param": parameter, "code": code});
    Act::Reply(400, "", json!({"error": error}).to_string())
}

/// As reasoning models of `OpenAI` answer.
fn reasoning_model(asked: &Asked) -> Act {
    if asked.body.get("max_tokens").is_some() {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. \
                       Use 'max_completion_tokens' instead.";
        return refused(message, "max_tokens", "unsupported_parameter");
    }
    if asked.body.get("temperature").is_some() {
        let message = "Unsupported value: 'temperature' does not support 0 with this model. \
                       Only the default (1) value is supported.";
        return refused(message, "temperature", "unsupported_value");
    }
    good(asked)
}

fn sent(server: &Server, name: &str) -> Vec<Value> {
    let asked = server.asked.lock().unwrap();
    asked.iter().map(|asked| asked.body[name].clone()).collect()
}

#[test]
fn the_other_name_of_the_limit_is_used_from_the_first_refusal_on() {
    let server = Server::start(reasoning_model);
    let config = TeacherConfig {
        omit_temperature: true,
        in_flight: 1,
        ..settings(&server)
    };
    let teacher = Teacher::new(config.clone()).unwrap();
    let (done, ended) = all(&teacher, 3);
    ended.unwrap();
    assert_eq!(done.len(), 3);
    let other = [Value::Null, json!(512), json!(512), json!(512)];
    assert_eq!(sent(&server, "max_completion_tokens"), other);
    assert_eq!(sent(&server, "max_tokens")[0], json!(512));
    // The refusal was an attempt and cost nothing.
    let spent = teacher.spent();
    assert_eq!((spent.attempts, spent.texts, spent.tokens()), (4, 3, 45));
    let from_the_start = TeacherConfig {
        limit_field: LimitField::MaxCompletionTokens,
        ..config.clone()
    };
    let server = Server::start(reasoning_model);
    let url = server.url.clone();
    all(
        &Teacher::new(TeacherConfig {
            url,
            ..from_the_start
        })
        .unwrap(),
        1,
    )
    .1
    .unwrap();
    assert_eq!(server.count(), 1);
}

#[test]
fn a_server_that_knows_the_old_name_alone_gets_no_other() {
    let server = Server::start(reasoning_model);
    let old = TeacherConfig {
        limit_field: LimitField::MaxTokens,
        ..settings(&server)
    };
    let error = told(old);
    assert!(
        error.contains("found 400: Unsupported parameter: 'max_tokens'"),
        "{error}"
    );
    assert_eq!(server.count(), 1);
    // Refused under both names: said once, not asked for ever.
    let server = Server::start(|_| refused("no max_completion_tokens here", "", ""));
    assert!(told(settings(&server)).contains("found 400: no max_completion_tokens here"));
    assert_eq!(server.count(), 2);
}

#[test]
fn a_text_to_continue_has_the_old_name() {
    let server = Server::start(good);
    let config = TeacherConfig {
        limit_field: LimitField::MaxCompletionTokens,
        ..settings(&server)
    };
    let text = CompletionRequest {
        prompt: Prompt::Text("It was".into()),
        ..chat(0)
    };
    Teacher::new(config)
        .unwrap()
        .complete(&[text], &mut |_| Ok(()))
        .unwrap();
    assert_eq!(sent(&server, "max_tokens"), [json!(512)]);
}

#[test]
fn a_temperature_that_is_refused_names_the_setting_and_is_never_left_out_unasked() {
    let server = Server::start(reasoning_model);
    let error = told(settings(&server));
    let end =
        "Only the default (1) value is supported. (the setting omit_temperature leaves it out)";
    assert!(error.ends_with(end), "{error}");
    assert!(sent(&server, "temperature").iter().all(Value::is_number));
}
