//! Attempts: what is tried again, how long is waited, and what is given up.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use idiolect_teacher::{Teacher, TeacherConfig};
use serde_json::json;

use crate::asking::{MS, all, good, settings, told};
use crate::common::{Act, Server};

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
        let teacher = Teacher::new(TeacherConfig {
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
        // Numbers 3 and 4 of each seven were answered in part before, which may have cost the most: 11 tokens of
        // the prompt and 512 new ones, and 12 where the number has two digits.
        let in_vain = (2 * 11 + 2 * 12, 4 * 512);
        assert_eq!((spent.texts, spent.attempts), (14, server.count() as u64));
        assert_eq!(
            (spent.prompt_tokens, spent.text_tokens),
            (140 + in_vain.0, 70 + in_vain.1)
        );
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
         found status 429: later, and to wait 86400 s (1 attempt)"
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
    let nobody = TeacherConfig {
        url: "http://127.0.0.1:9/v1".into(),
        ..settings(&server)
    };
    assert!(told(nobody).contains("found no connection: "));
}
