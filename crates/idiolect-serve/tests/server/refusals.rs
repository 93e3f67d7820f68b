//! What is refused, with which status, and that the message names what is wrong.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use idiolect_completion::Quiet;
use idiolect_serve::{Secret, Server};
use serde_json::{Value, json};

use crate::running::{Running, settings};

/// A request that is refused with a status, a field and words.
fn check(server: &Running, path: &str, body: &Value, (status, param, part): (u16, Value, &str)) {
    let (found, answer) = server.post(path, &body.to_string(), None);
    let error = &answer["error"];
    assert_eq!(
        (found, &error["param"]),
        (status, &param),
        "{body}: {answer}"
    );
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(part), "{body}: {message}");
}

#[test]
fn what_a_completion_may_not_have_is_named() {
    let Some(mut settings) = settings() else {
        return;
    };
    settings.limits.max_new_tokens = 100;
    settings.limits.max_request_tokens = 1000;
    let server = Running::start(&settings);
    let with = |name: &str, value: Value| {
        let mut body = json!({"prompt": "The sea", "max_tokens": 2});
        body[name] = value;
        body
    };
    let long = vec![5; 300];
    for (name, value, part) in [
        ("prompt", json!({}), "a list of texts"),
        ("prompt", Value::Null, "found nothing"),
        ("prompt", json!([]), "a list of texts"),
        ("prompt", json!(long), "300 tokens, more than the 256"),
        ("prompt", json!(vec!["x"; 129]), "at most 128 texts"),
        ("max_tokens", json!(101), "at most 100"),
        ("max_tokens", json!(0), "at least 1, or echo"),
        ("max_tokens", json!("many"), "a whole number"),
        ("max_tokens", json!(-1), "a whole number"),
        ("n", json!(0), "1 to 128"),
        ("logprobs", json!(6), "at most 5"),
        ("temperature", json!(-0.5), "expected 0 to 1000"),
        ("top_p", json!(0), "above 0"),
        ("stop", json!([""]), "none empty"),
        ("seed", json!(0.5), "a whole number"),
        ("suffix", json!("end"), "does not do that"),
        ("best_of", json!(3), "does not do that"),
        ("temprature", json!(0), "knows no such field"),
        ("stream_options", json!({}), "together with stream"),
    ] {
        let body = with(name, value);
        check(&server, "/v1/completions", &body, (400, json!(name), part));
    }
    let body = with("prompt", json!([[5, 6], [5, 9999]]));
    check(
        &server,
        "/v1/completions",
        &body,
        (400, json!("prompt[1]"), "token ids below"),
    );
    let crowd = json!({"prompt": "The sea", "max_tokens": 100, "n": 10});
    check(
        &server,
        "/v1/completions",
        &crowd,
        (400, json!("max_tokens"), "at most 1000 tokens"),
    );
    let room = json!({"prompt": vec![5; 200], "max_tokens": 90});
    check(
        &server,
        "/v1/completions",
        &room,
        (400, json!("max_tokens"), "exceed the context of 256"),
    );
}

#[test]
fn what_changes_nothing_is_accepted() {
    let Some(settings) = settings() else { return };
    let server = Running::start(&settings);
    let body = json!({
        "prompt": "The sea", "max_tokens": 2, "user": "me", "frequency_penalty": 0, "logit_bias": {}, "best_of": 1,
    });
    assert_eq!(server.texts(&body).len(), 1);
}

#[test]
fn what_a_conversation_may_not_have_is_named() {
    let Some(settings) = settings() else { return };
    let server = Running::start(&settings);
    let turns = || json!([{"role": "user", "content": "Say red."}]);
    let path = "/v1/chat/completions";
    for (body, param, part) in [
        (json!({}), "messages", "found nothing"),
        (
            json!({"messages": [{"role": "pope", "content": "x"}]}),
            "messages[0].role",
            "a role out of",
        ),
        (
            json!({"messages": [{"role": "assistant", "content": "x"}]}),
            "messages",
            "last turn",
        ),
        (
            json!({"messages": turns(), "tools": [{"type": "function"}]}),
            "tools",
            "leave it out",
        ),
        (
            json!({"messages": turns(), "response_format": {"type": "json_object"}}),
            "response_format",
            "leave it out",
        ),
        (
            json!({"messages": turns(), "top_logprobs": 2}),
            "top_logprobs",
            "logprobs: true",
        ),
        (
            json!({"messages": turns(), "prompt": "x"}),
            "prompt",
            "no such field",
        ),
        (
            json!({"messages": turns(), "max_tokens": 1, "max_completion_tokens": 2}),
            "max_completion_tokens",
            "another",
        ),
    ] {
        check(&server, path, &body, (400, json!(param), part));
    }
}

#[test]
fn bodies_that_are_none_and_places_that_are_not_there() {
    let Some(mut settings) = settings() else {
        return;
    };
    settings.limits.max_body_bytes = 1000;
    let server = Running::start(&settings);
    for body in ["{", "", "[1]", "\"x\"", "{\"prompt\": \"x\"} {}", "nul\0l"] {
        let (status, answer) = server.post("/v1/completions", body, None);
        assert_eq!(status, 400, "{body}: {answer}");
    }
    let (status, answer) = server.post("/v1/completions", &"x".repeat(1001), None);
    assert_eq!(status, 413, "{answer}");
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("more than 1000 bytes")
    );
    // A huge one is not read to its end.
    let mut huge = TcpStream::connect(server.address).unwrap();
    let head =
        "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n\r\n";
    huge.write_all(head.as_bytes()).unwrap();
    let piece = vec![b'x'; 1 << 16];
    let mut sent = 0;
    while huge.write_all(&piece).is_ok() && sent < 1 << 28 {
        sent += piece.len();
    }
    assert!(sent < 1 << 26, "{sent} bytes were read");
    let _ = huge.read(&mut [0; 1]);
    for (path, expected) in [
        ("/v1/nothing", 404),
        ("/v1/completions", 405),
        ("/health", 200),
    ] {
        assert_eq!(server.get(path).0, expected, "{path}");
    }
    let (status, answer) = server.post("/v1/models", "{}", None);
    assert_eq!(
        (status, &answer["error"]["type"]),
        (405, &json!("invalid_request_error"))
    );
}

#[test]
fn without_the_key_nothing_is_told() {
    let Some(mut settings) = settings() else {
        return;
    };
    settings.key = Some(Secret::new("sk-0123456789abcdef").unwrap());
    let server = Running::start(&settings);
    let body = json!({"prompt": "x", "max_tokens": 1}).to_string();
    for key in [
        None,
        Some("sk-0123456789abcdeF"),
        Some("sk-0123456789abcde"),
    ] {
        let (status, answer) = server.post("/v1/completions", &body, key);
        assert_eq!(
            (status, &answer["error"]["code"]),
            (401, &json!("invalid_api_key"))
        );
        assert!(!answer.to_string().contains("0123"), "{answer}");
    }
    assert_eq!(
        (server.get("/v1/models").0, server.get("/health").0),
        (401, 200)
    );
    let right = server.post("/v1/completions", &body, Some("sk-0123456789abcdef"));
    assert_eq!(right.0, 200, "{}", right.1);
}

#[test]
fn a_page_of_elsewhere_is_refused_and_so_is_an_open_address() {
    let Some(mut settings) = settings() else {
        return;
    };
    let server = Running::start(&settings);
    for line in [
        "host: rebound.example",
        "host: localhost\r\norigin: https://page.example",
    ] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        write!(
            stream,
            "GET /v1/models HTTP/1.1\r\n{line}\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        assert!(told.starts_with("HTTP/1.1 403"), "{told}");
    }
    settings.address = "0.0.0.0:0".parse().unwrap();
    let error = Server::open(&settings, &Quiet, Arc::new(|_: &_| ()))
        .err()
        .unwrap();
    assert!(
        error.to_string().starts_with("key: expected a key"),
        "{error}"
    );
    settings.address = server.address;
    let error = Server::open(&settings, &Quiet, Arc::new(|_: &_| ()))
        .err()
        .unwrap();
    assert!(
        error.to_string().starts_with("cannot listen at 127.0.0.1:"),
        "{error}"
    );
}
