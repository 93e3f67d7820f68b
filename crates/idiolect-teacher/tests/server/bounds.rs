//! How long and how slow an answer may be, and keys that come back in one.

use std::time::Instant;

use idiolect_teacher::{Teacher, TeacherConfig};
use serde_json::json;

use crate::asking::{MS, all, good, settings, told};
use crate::common::{Act, Server};

#[test]
fn an_answer_that_is_too_long_is_not_asked_for_again() {
    let server = Server::start(|asked| Act::text(asked, &"x".repeat(5000)));
    let bounded = |reply_bytes| TeacherConfig {
        reply_bytes,
        ..settings(&server)
    };
    assert_eq!(
        told(bounded(5000)),
        "URL/chat/completions: id 0: expected a completion, \
         found an answer of more than 5000 bytes (reply_bytes) (1 attempt)"
    );
    assert_eq!(server.count(), 1);
    let (done, ended) = all(&Teacher::new(bounded(6000)).unwrap(), 1);
    ended.unwrap();
    assert_eq!(done[0].text.len(), 5000);
}

#[test]
fn a_long_refusal_is_read_in_part() {
    let server = Server::start(|_| Act::Reply(400, "", "x".repeat(1 << 17)));
    assert_eq!(
        told(settings(&server)),
        "URL/chat/completions: id 0: expected status 200, found 400: "
    );
}

#[test]
fn an_answer_that_drips_ends_with_the_time_of_an_attempt() {
    let server = Server::start(|_| Act::Drip(50 * MS, "x".repeat(100)));
    let mut settings = settings(&server);
    settings.retries.attempts = 1;
    let start = Instant::now();
    let error = told(settings);
    assert!(error.contains("an answer cut off: "), "{error}");
    assert!(start.elapsed() < 2000 * MS, "{:?}", start.elapsed());
}

/// The one variable that is surely set where a test runs stands for a key.
#[test]
fn a_key_that_comes_back_is_in_no_text_and_no_error() {
    let (variable, secret) = ("CARGO_PKG_NAME", env!("CARGO_PKG_NAME"));
    let keyed = |server: &Server| TeacherConfig {
        key_variable: Some(variable.into()),
        ..settings(server)
    };
    // Plain, and spelled with an escape, as JSON allows.
    let spelled = secret.replacen('i', "\\u0069", 1);
    let text = format!("so {secret} it is");
    let choice = json!({"message": {"content": text}, "finish_reason": secret});
    let plain = json!({"choices": [choice]}).to_string();
    for body in [plain.replace(secret, &spelled), plain] {
        let server = Server::start(move |_| Act::Reply(200, "", body.clone()));
        let (done, ended) = all(&Teacher::new(keyed(&server)).unwrap(), 1);
        ended.unwrap();
        assert_eq!(done[0].text, "so *** it is");
        assert!(!format!("{done:?}").contains(secret));
    }
    // At the place where a message is cut, in a message that spells it, in what is no JSON.
    let cut = format!("{}{secret}", "x".repeat(290));
    let message = json!({"error": {"message": secret}}).to_string();
    let bodies = [
        (400, cut.clone()),
        (500, message.replace(secret, &spelled)),
        (200, cut),
        (200, format!("{{\"choices\": \"{spelled}\"}}")),
    ];
    for (status, body) in bodies {
        let server = Server::start(move |_| Act::Reply(status, "", body.clone()));
        let error = all(&Teacher::new(keyed(&server)).unwrap(), 1)
            .1
            .unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains(&secret[..6]) && !shown.contains("u0069"),
            "{shown}"
        );
    }
}

#[test]
fn headers_that_hold_the_key_are_not_kept() {
    let (variable, secret) = ("CARGO_PKG_NAME", env!("CARGO_PKG_NAME"));
    let header = concat!("x-key: ", env!("CARGO_PKG_NAME"), "\r\n");
    let server = Server::start(move |asked| match asked.number {
        0 => Act::Reply(429, header, String::new()),
        _ => good(asked),
    });
    let keyed = TeacherConfig {
        key_variable: Some(variable.into()),
        ..settings(&server)
    };
    let (done, ended) = all(&Teacher::new(keyed).unwrap(), 1);
    assert!(!format!("{done:?} {ended:?}").contains(secret));
}
