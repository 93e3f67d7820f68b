//! Servers that ask to wait: models that load, dates, and more waits than attempts.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use idiolect_completion::Progress;
use idiolect_teacher::{Retries, Teacher, TeacherConfig};
use serde_json::json;

use crate::asking::{MS, all, good, settings, told};
use crate::common::{Act, Asked, Server};

fn loading() -> Act {
    let error = json!({"code": 503, "message": "Loading model", "type": "unavailable_error"});
    Act::Reply(503, "", json!({"error": error}).to_string())
}

fn named(asked: &Asked) -> Act {
    if asked.line.contains("/models ") {
        Act::Reply(200, "", json!({"data": [{"id": "m"}]}).to_string())
    } else {
        good(asked)
    }
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn note(&self, line: &str) {
        self.0.lock().unwrap().push(line.into());
    }
}

#[test]
fn a_model_that_is_loading_is_waited_for_beyond_the_attempts() {
    let server = Server::start(|asked| match asked.number {
        0..=9 | 11..=20 => loading(),
        _ => named(asked),
    });
    let mut config = settings(&server);
    config.model = None;
    config.retries.attempts = 2;
    let notes = Notes::default();
    let teacher = Teacher::open(config, &notes).unwrap();
    let (done, ended) = all(&teacher, 1);
    ended.unwrap();
    assert_eq!((teacher.model(), done.len(), server.count()), ("m", 1, 22));
    let notes = notes.0.into_inner().unwrap();
    assert_eq!(notes.len(), 10);
    let expected = format!(
        "{}/models: status 503: Loading model, asked again",
        server.url
    );
    assert_eq!(notes[0], expected);
}

#[test]
fn the_question_for_the_model_is_tried_like_a_completion() {
    let server = Server::start(|asked| match asked.number {
        0 => Act::Reply(500, "", "oh".into()),
        1 => Act::Drop,
        2 => Act::Reply(200, "", "{\"data\": ".into()),
        _ => named(asked),
    });
    let unnamed = |server: &Server| TeacherConfig {
        model: None,
        ..settings(server)
    };
    assert_eq!(Teacher::new(unnamed(&server)).unwrap().model(), "m");
    // What will not change is said at once.
    for (status, body) in [
        (200, json!({"data": []})),
        (200, json!({})),
        (404, json!({})),
    ] {
        let server = Server::start(move |_| Act::Reply(status, "", body.to_string()));
        assert!(Teacher::new(unnamed(&server)).is_err());
        assert_eq!(server.count(), 1);
    }
}

#[test]
fn the_longest_wait_ends_the_wait_for_a_model() {
    let server = Server::start(|_| loading());
    let mut config = settings(&server);
    config.retries = Retries {
        first_wait: 200 * MS,
        longest_wait: Duration::from_secs(1),
        max_wait: 1500 * MS,
        ..Retries::default()
    };
    let start = Instant::now();
    let error = told(config);
    assert!(
        error.contains("found status 503: Loading model, and to wait "),
        "{error}"
    );
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_date_is_waited_for_by_the_servers_own_clock() {
    let server = Server::start(|asked| match asked.number {
        0 => {
            let head = "date: Fri, 31 Dec 1999 23:59:58 GMT\r\nretry-after: Fri, 31 Dec 1999 23:59:59 GMT\r\n";
            Act::Reply(429, head, String::new())
        }
        _ => good(asked),
    });
    let start = Instant::now();
    all(&Teacher::new(settings(&server)).unwrap(), 1).1.unwrap();
    assert!(
        (1000 * MS..5000 * MS).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
    let far =
        "date: Fri, 31 Dec 1999 23:00:00 GMT\r\nretry-after: Sat, 01 Jan 2000 01:00:00 GMT\r\n";
    let server = Server::start(move |_| Act::Reply(429, far, "later".into()));
    assert!(
        told(settings(&server))
            .ends_with("found status 429: later, and to wait 7200 s (1 attempt)")
    );
}

#[test]
fn waits_that_a_server_asks_for_are_not_counted_as_attempts() {
    let server = Server::start(|asked| match asked.number {
        0..=7 => Act::Reply(429, "retry-after: 0.02\r\n", "slow down".into()),
        _ => good(asked),
    });
    let mut config = settings(&server);
    config.retries.attempts = 2;
    all(&Teacher::new(config.clone()).unwrap(), 1).1.unwrap();
    assert_eq!(server.count(), 9);
    // No wait at all is none that was asked for.
    let server = Server::start(|_| Act::Reply(429, "retry-after: 0\r\n", "slow down".into()));
    config.url.clone_from(&server.url);
    assert!(told(config).ends_with("found status 429: slow down (2 attempts)"));
}
