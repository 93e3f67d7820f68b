//! The journals of an earlier version are read, and the same texts give the same bytes.
//!
//! `golden/*-0.1.0.jsonl` were written by version 0.1.0, when the crate had a journal of its own, with the corpus,
//! the teacher and the texts below. Rows have a checksum at their end since 0.2.0; they are compared without it.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod common;

use std::fs;

use common::{Folder, Scripted, corpus, settings, writer};
use idiolect_completion::{Completion, CompletionRequest};
use idiolect_continuation::{ContinuationConfig, Filters, PAPER_SYSTEM, Shown};
use idiolect_testkit::without_checksums;

const GOLDEN: [(&str, &str); 2] = [
    (
        "journal/continuations.jsonl",
        include_str!("golden/continuations-0.1.0.jsonl"),
    ),
    (
        "journal/instructional.jsonl",
        include_str!("golden/instructional-0.1.0.jsonl"),
    ),
];

fn judged() -> ContinuationConfig {
    let filters = Filters {
        instructional: true,
        ..Filters::default()
    };
    let system = Some(PAPER_SYSTEM.into());
    ContinuationConfig {
        filters,
        shown: Shown::Chat { system },
        ..settings(2)
    }
}

#[test]
fn the_same_texts_give_the_same_bytes() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 2);
    let mut count = 0;
    let mut writer = writer(|request: &CompletionRequest| {
        count += 1;
        let reason = ["stop", "content_filter", "unknown", "length"][count - 1];
        Ok(Completion {
            token_count: count,
            passes: (count == 1).then_some(1),
            logprobs: None,
            finish_reason: reason.into(),
            ..Completion::new(
                request.id.clone(),
                [" and on", "then", "no", "Yes"][count - 1],
            )
        })
    });
    folder.run(&corpus, &judged(), &mut writer).unwrap();
    for (name, golden) in GOLDEN {
        assert_eq!(
            without_checksums(&folder.read(name)).unwrap(),
            golden,
            "{name}"
        );
    }
}

#[test]
fn a_run_resumes_from_them_and_leaves_them_as_they_are() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 2);
    fs::create_dir_all(folder.path().join("journal")).unwrap();
    for (name, golden) in GOLDEN {
        fs::write(folder.path().join(name), golden).unwrap();
    }
    let mut nobody = Scripted {
        fails_after: Some(0),
        ..Scripted::default()
    };
    let summary = folder.run(&corpus, &judged(), &mut nobody).unwrap().summary;
    assert_eq!((summary.rows, summary.rejected["instructional"]), (1, 1));
    assert_eq!(summary.finish_reasons["content_filter"], 1);
    for (name, golden) in GOLDEN {
        assert_eq!(folder.read(name), golden, "{name}");
    }
}
