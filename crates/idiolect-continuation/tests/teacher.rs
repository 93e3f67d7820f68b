//! Continuing over HTTP: kills and refusals with one and with four requests in flight.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test's own server and files"
)]

mod common;
#[path = "../../idiolect-teacher/tests/common/mod.rs"]
mod loopback;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Folder, corpus, settings, shared};
use idiolect_continuation::{ContinuationConfig, Corpus, Filters};
use idiolect_teacher::{Retries, Teacher, TeacherConfig};
use loopback::{Act, Asked, Server};

fn over_http(url: &str, in_flight: usize) -> Teacher {
    let wait = Duration::from_millis(2);
    let config = TeacherConfig {
        model: Some("m".into()),
        in_flight,
        timeout: Duration::from_secs(5),
        retries: Retries {
            first_wait: wait,
            longest_wait: 4 * wait,
            ..Retries::default()
        },
        ..TeacherConfig::new(url)
    };
    Teacher::new(config).unwrap()
}

/// A text that depends on the prompt alone, after a fault for some arrivals.
fn act(asked: &Asked) -> Act {
    let shown = asked.shown();
    match asked.number % 11 {
        3 => return Act::Reply(500, "", "oh".into()),
        5 => return Act::CutOff,
        7 => return Act::Reply(429, "retry-after: 0.001\r\n", String::new()),
        9 => return Act::Reply(200, "", "[".into()),
        _ => {}
    }
    if shown.contains("Answer with one word") {
        return Act::text(
            asked,
            if shown.len().is_multiple_of(3) {
                "Yes"
            } else {
                "No"
            },
        );
    }
    Act::text(asked, &format!("and {} bytes before", shown.len()))
}

/// Numbers that look random and are the same each time.
fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    }
}

/// Each kill: the server refuses for good after some requests, and a journal loses its last bytes.
#[test]
fn twenty_killed_runs_end_as_one_that_was_not() {
    let whole = Folder::new();
    let corpus = corpus(whole.0.path(), 30);
    let filters = Filters {
        conversational: true,
        ..Filters::default()
    };
    let settings = ContinuationConfig {
        filters,
        ..settings(20)
    };
    let server = Server::start(act);
    whole
        .run(&corpus, &settings, &mut over_http(&server.url, 1))
        .unwrap();
    for seed in 0..20 {
        let mut below = numbers(seed);
        let in_flight = [1, 4][usize::try_from(seed).unwrap() % 2];
        let killed = Folder::new();
        let left = Arc::new(AtomicUsize::new(below(40)));
        let dying = Server::start({
            let left = left.clone();
            move |asked| match left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
            {
                Ok(_) => act(asked),
                Err(_) => Act::Reply(400, "", "gone".into()),
            }
        });
        let ended = killed.run(&corpus, &settings, &mut over_http(&dying.url, in_flight));
        let error = ended.map(|_| ()).unwrap_err().to_string();
        assert!(
            error.contains(": expected status 200, found 400: gone"),
            "{error}"
        );
        for name in ["continuations", "conversational"] {
            let journal = killed.path().join(format!("journal/{name}.jsonl"));
            if let Ok(bytes) = fs::read(&journal) {
                let kept = bytes.len() - below(bytes.len().min(500) + 1);
                fs::write(&journal, &bytes[..kept]).unwrap();
            }
        }
        killed
            .run(&corpus, &settings, &mut over_http(&server.url, in_flight))
            .unwrap();
        for name in ["rows.jsonl", "verdicts.jsonl", "summary.json"] {
            assert_eq!(killed.read(name), whole.read(name), "kill {seed}: {name}");
        }
        for name in [
            "journal/continuations.jsonl",
            "journal/conversational.jsonl",
        ] {
            let lines = |folder: &Folder| {
                let mut lines: Vec<_> = folder.read(name).lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            assert_eq!(lines(&killed), lines(&whole), "kill {seed}: {name}");
        }
    }
}

/// Skipped, with a line that says so, where no server is named; see the README of the teacher's tests.
#[test]
fn a_real_server_continues_real_articles() {
    let Ok(url) = std::env::var("IDIOLECT_OPENAI_URL") else {
        idiolect_testkit::skipped("IDIOLECT_OPENAI_URL names no server");
        return;
    };
    let Some(path) = shared("corpus/usgov_articles_300.jsonl") else {
        return;
    };
    let config = TeacherConfig {
        max_new_tokens: 32,
        in_flight: 4,
        ..TeacherConfig::new(&url)
    };
    let folder = Folder::new();
    let filters = Filters {
        capital: true,
        instructional: true,
        ..Filters::default()
    };
    let run = ContinuationConfig {
        filters,
        max_words: 300,
        ..common::settings(8)
    };
    let mut writer = Teacher::new(config).unwrap();
    let continued = folder
        .run(&Corpus::find(&path).unwrap(), &run, &mut writer)
        .unwrap();
    eprintln!("{:#?}", continued.summary);
    assert_eq!(continued.summary.corpus.sampled, 8);
    assert_eq!(folder.rows("verdicts.jsonl").len(), 8);
}
