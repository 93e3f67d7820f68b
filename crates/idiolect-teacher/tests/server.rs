//! A teacher against a server that is slow, cuts off, refuses, talks nonsense, and then is fine.
#![allow(clippy::unwrap_used, reason = "a test's own server")]

mod common;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::{Act, Asked, Server};
use idiolect_teacher::{
    Budget, Completion, Prompt, Retries, Settings, Teacher, TeacherError, TeacherRequest, Turn,
};
use serde_json::{Value, json};

const MS: Duration = Duration::from_millis(1);

fn settings(server: &Server) -> Settings {
    Settings {
        model: Some("m".into()),
        timeout: 400 * MS,
        retries: Retries {
            first_wait: 4 * MS,
            longest_wait: 20 * MS,
            ..Retries::default()
        },
        ..Settings::new(&server.url)
    }
}

fn chat(id: usize) -> TeacherRequest {
    let turn = Turn {
        role: "user".into(),
        content: format!("half {id}"),
    };
    TeacherRequest {
        id: json!(id),
        prompt: Prompt::Chat(vec![turn]),
        seed: id as u64,
    }
}

fn all(teacher: &Teacher, count: usize) -> (Vec<Completion>, Result<(), TeacherError>) {
    let requests: Vec<_> = (0..count).map(chat).collect();
    let mut done = Vec::new();
    let ended = teacher.complete(&requests, &mut |completion| {
        done.push(completion);
        Ok(())
    });
    (done, ended)
}

fn told(settings: Settings) -> String {
    let url = settings.url.clone();
    let (_, ended) = all(&Teacher::new(settings).unwrap(), 1);
    ended.unwrap_err().to_string().replace(&url, "URL")
}

fn good(asked: &Asked) -> Act {
    Act::text(asked, &format!("after {}", asked.shown()))
}

#[test]
fn every_request_is_answered_by_id_whatever_the_server_does_first() {
    for in_flight in [1, 4] {
        let tries: Mutex<BTreeMap<String, usize>> = Mutex::default();
        let server = Server::start(move |asked| {
            let mut tries = tries.lock().unwrap();
            let attempt = tries.entry(asked.shown()).or_default();
            *attempt += 1;
            let number: usize = asked.shown()[5..].parse().unwrap();
            match (*attempt, number % 7) {
                (1, 1) => Act::Reply(
                    429,
                    "retry-after: 0.01\r\n",
                    "{\"error\": \"slow down\"}".into(),
                ),
                (1 | 2, 2) => Act::Reply(500, "", "oh".into()),
                (1, 3) => Act::Reply(200, "", "{\"choices\": [{\"mess".into()),
                (1, 4) => Act::CutOff,
                (1, 5) => Act::Slow(700 * MS, Box::new(good(asked))),
                (1 | 2, 6) => Act::Drop,
                _ => good(asked),
            }
        });
        let teacher = Teacher::new(Settings {
            in_flight,
            ..settings(&server)
        })
        .unwrap();
        let (mut done, ended) = all(&teacher, 14);
        ended.unwrap();
        done.sort_by_key(|completion| completion.id.as_u64());
        let expected = |id| format!("after half {id}");
        assert_eq!(done.len(), 14);
        for (id, completion) in done.iter().enumerate() {
            assert_eq!(
                (&completion.id, &completion.text),
                (&json!(id), &expected(id))
            );
        }
        assert_eq!(server.count(), 14 + 2 * (1 + 2 + 1 + 1 + 1 + 2));
        let spent = teacher.spent();
        assert_eq!(
            (spent.texts, spent.prompt_tokens, spent.text_tokens),
            (14, 140, 70)
        );
    }
}

#[test]
fn as_many_requests_are_under_way_as_allowed() {
    for in_flight in [1, 4] {
        let server = Server::start(|asked| Act::Slow(30 * MS, Box::new(good(asked))));
        let teacher = Teacher::new(Settings {
            in_flight,
            ..settings(&server)
        })
        .unwrap();
        all(&teacher, 12).1.unwrap();
        let most = server.at_once.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(most, in_flight);
    }
}

#[test]
fn a_server_that_asks_to_wait_is_waited_for() {
    let server = Server::start(|asked| match asked.number {
        0 => Act::Reply(429, "retry-after: 1\r\n", String::new()),
        1 => Act::Reply(503, "retry-after-ms: 200\r\n", String::new()),
        _ => good(asked),
    });
    let start = Instant::now();
    all(&Teacher::new(settings(&server)).unwrap(), 1).1.unwrap();
    assert!(start.elapsed() >= 1200 * MS);
    let server = Server::start(|_| Act::Reply(429, "retry-after: 86400\r\n", "later".into()));
    assert_eq!(
        told(settings(&server)),
        "URL/chat/completions: id 0: expected a completion, \
         found status 429: later, and to wait 86400 s (1 attempts)"
    );
}

#[test]
fn what_no_retry_helps_is_said_at_once() {
    let quota = json!({"error": {"message": "no money", "code": "insufficient_quota"}}).to_string();
    let server = Server::start(move |_| Act::Reply(429, "", quota.clone()));
    assert_eq!(
        told(settings(&server)),
        "URL/chat/completions: id 0: expected status 200, found 429: no money"
    );
    assert_eq!(server.count(), 1);
    let server =
        Server::start(|_| Act::Reply(307, "location: http://127.0.0.1:1/\r\n", String::new()));
    assert!(told(settings(&server)).contains("found 307"));
    let server = Server::start(|_| Act::Reply(502, "", "<html>\nbad gateway".into()));
    assert_eq!(
        told(settings(&server)),
        "URL/chat/completions: id 0: expected a completion, \
         found status 502: <html> bad gateway (6 attempts)"
    );
    assert_eq!(server.count(), 6);
    let nobody = Settings {
        url: "http://127.0.0.1:9/v1".into(),
        ..settings(&server)
    };
    assert!(told(nobody).contains("found Connection Failed"));
}

#[test]
fn the_key_is_sent_and_never_shown() {
    // The one variable that is surely set where a test runs.
    let (variable, secret) = ("CARGO_PKG_NAME", env!("CARGO_PKG_NAME"));
    let server = Server::start(move |asked| {
        let body = json!({"error": {"message": format!("bad key {secret}")}}).to_string();
        Act::Reply(if asked.number == 0 { 401 } else { 500 }, "", body)
    });
    let keyed = Settings {
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
    let unset = Settings {
        key_variable: Some("IDIOLECT_NO_SUCH_KEY".into()),
        ..keyed
    };
    assert!(matches!(Teacher::new(unset), Err(TeacherError::Key { .. })));
}

#[test]
fn a_budget_is_never_overdrawn() {
    let server = Server::start(|asked| Act::Slow(5 * MS, Box::new(good(asked))));
    // A request is 22 bytes, 11 tokens at most, and 5 new tokens; the server counts 15.
    let budget = Budget {
        tokens: Some(100),
        ..Budget::default()
    };
    let small = Settings {
        max_new_tokens: 5,
        budget,
        in_flight: 4,
        ..settings(&server)
    };
    let teacher = Teacher::new(small.clone()).unwrap();
    let (done, ended) = all(&teacher, 20);
    let error = ended.unwrap_err();
    let spent = teacher.spent().tokens();
    assert_eq!((done.len(), spent), (6, 90), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("budget of tokens: 100 allowed, 90 spent, expected at least 16 for id "),
        "{error}"
    );
    let budget = Budget {
        money: Some(1.0),
        prompt_price: 10_000.0,
        text_price: 20_000.0,
        tokens: None,
    };
    let teacher = Teacher::new(Settings { budget, ..small }).unwrap();
    let (done, ended) = all(&teacher, 20);
    // Each costs 0.2, and may cost 0.21.
    assert_eq!(done.len(), 4);
    assert!(matches!(
        ended.unwrap_err(),
        TeacherError::Budget { what: "money", .. }
    ));
    assert!((budget.money_for(&teacher.spent()) - 0.8).abs() < 1e-9);
}

#[test]
fn a_caller_that_takes_no_more_is_asked_no_more() {
    let server = Server::start(good);
    let teacher = Teacher::new(Settings {
        in_flight: 2,
        ..settings(&server)
    })
    .unwrap();
    let requests: Vec<_> = (0..50).map(chat).collect();
    let mut calls = 0;
    let ended = teacher.complete(&requests, &mut |_| {
        calls += 1;
        if calls == 3 {
            Err("disk full".into())
        } else {
            Ok(())
        }
    });
    let error = ended.unwrap_err().to_string();
    assert!(
        error.ends_with(": the completion was not taken: disk full"),
        "{error}"
    );
    assert_eq!(calls, 3);
    assert!(server.count() < 50);
}

#[test]
fn a_text_goes_to_its_own_address_and_a_model_is_found() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "GET /v1/models HTTP/1.1" => {
            Act::Reply(200, "", json!({"data": [{"id": "only"}]}).to_string())
        }
        _ => good(asked),
    });
    let teacher = Teacher::new(Settings {
        model: None,
        ..settings(&server)
    })
    .unwrap();
    assert_eq!(
        (teacher.model(), teacher.url()),
        ("only", server.url.as_str())
    );
    let request = TeacherRequest {
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
