//! What is sent where: the key, the address of a text, the name of the model.

use idiolect_completion::{Completion, CompletionRequest, Prompt};
use idiolect_teacher::{Teacher, TeacherConfig, TeacherError};
use serde_json::{Value, json};

use crate::asking::{all, chat, good, settings};
use crate::common::{Act, Server};

#[test]
fn the_key_is_sent_and_never_shown() {
    // The one variable that is surely set where a test runs.
    let (variable, secret) = ("CARGO_PKG_NAME", env!("CARGO_PKG_NAME"));
    let server = Server::start(move |asked| {
        let body = json!({"error": {"message": format!("bad key {secret}")}}).to_string();
        Act::Reply(if asked.number == 0 { 401 } else { 500 }, "", body)
    });
    let keyed = TeacherConfig {
        key_variable: Some(variable.into()),
        ..settings(&server)
    };
    let teacher = Teacher::new(keyed.clone()).unwrap();
    assert!(!format!("{teacher:?} {teacher:#?}").contains(secret));
    let error = all(&teacher, 1).1.unwrap_err();
    assert!(
        error.to_string().ends_with("found 401: bad key ***"),
        "{error}"
    );
    let again = all(&teacher, 1).1.unwrap_err();
    assert!(!format!("{error:?} {again:?} {again}").contains(secret));
    let asked = server.asked.lock().unwrap();
    assert!(
        asked[0]
            .head
            .contains(&format!("authorization: bearer {secret}"))
    );
    let unset = TeacherConfig {
        key_variable: Some("IDIOLECT_NO_SUCH_KEY".into()),
        ..keyed
    };
    assert!(matches!(Teacher::new(unset), Err(TeacherError::Key { .. })));
}

#[test]
fn a_text_goes_to_its_own_address_and_a_model_is_found() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "GET /v1/models HTTP/1.1" => {
            Act::Reply(200, "", json!({"data": [{"id": "only"}]}).to_string())
        }
        _ => good(asked),
    });
    let teacher = Teacher::new(TeacherConfig {
        model: None,
        ..settings(&server)
    })
    .unwrap();
    assert_eq!(
        (teacher.model(), teacher.url()),
        ("only", server.url.as_str())
    );
    let request = CompletionRequest {
        prompt: Prompt::Text("half 0".into()),
        ..chat(0)
    };
    let mut texts = Vec::new();
    let take = &mut |completion: Completion| {
        texts.push(completion.text);
        Ok(())
    };
    teacher.complete(&[request], take).unwrap();
    assert_eq!(texts, ["after half 0"]);
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked[1].line, "POST /v1/completions HTTP/1.1");
    assert_eq!(asked[1].body["model"], "only");
    assert_eq!(asked[1].body["temperature"], Value::from(0.0));
}
