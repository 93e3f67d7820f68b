//! The journal of an earlier version is read, and the same texts give the same bytes.
//!
//! `golden/rewrites-0.1.0.jsonl` was written by version 0.1.0, when the crate had a journal of its own, with the data
//! set, the sampler and the texts below. Rows have a checksum at their end since 0.2.0; they are compared without it.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod common;

use std::fs;

use common::{Folder, Scripted, answers, math, sums};
use idiolect_completion::{Completion, CompletionRequest, WriterFn, WriterIdentity};
use idiolect_testkit::without_checksums;
use serde_json::json;

const GOLDEN: &str = include_str!("golden/rewrites-0.1.0.jsonl");

fn identity() -> WriterIdentity {
    WriterIdentity {
        model: "5f".into(),
        adapter: Some("a0".into()),
        sampler: json!({
            "temperature": 0.95_f32, "top_k": 50, "top_p": 0.7_f32, "min_p": 0.0_f32,
            "repetition_penalty": 1.0_f32, "stops": ["###"], "stop_ids": [2], "max_new_tokens": 512,
            "batch_size": 8, "share_prefixes": true, "speculate": 4, "dtype": "F32",
        }),
    }
}

#[test]
fn the_same_texts_give_the_same_bytes() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 3);
    let mut count = 0;
    let mut writer = WriterFn::new(identity(), |request: &CompletionRequest| {
        count += 1;
        Ok(Completion {
            token_count: count,
            token_ids: (count == 1).then(|| vec![3, 4]),
            passes: (count != 3).then_some(1),
            logprobs: None,
            finish_reason: ["stop", "stop_string", "length"][count - 1].into(),
            ..Completion::new(
                request.id.clone(),
                ["It is 0.", "my response: 2", "5"][count - 1],
            )
        })
    });
    folder.run(&set, &math(), &mut writer).unwrap();
    let written = fs::read_to_string(folder.journal()).unwrap();
    assert_eq!(without_checksums(&written).unwrap(), GOLDEN);
}

#[test]
fn rows_without_and_with_a_checksum_stand_in_one_journal() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 3);
    let first = GOLDEN.split_inclusive('\n').next().unwrap();
    fs::write(folder.journal(), first).unwrap();
    let mut rest = Scripted {
        identity: identity(),
        ..answers(&set)
    };
    folder.run(&set, &math(), &mut rest).unwrap();
    assert_eq!(rest.wrote.len(), 2);
    let written = fs::read_to_string(folder.journal()).unwrap();
    let (old, new) = written.split_at(first.len());
    assert_eq!(
        (old, without_checksums(new).unwrap().lines().count()),
        (first, 2)
    );
    folder.run(&set, &math(), &mut rest).unwrap();
    assert_eq!(fs::read_to_string(folder.journal()).unwrap(), written);
}

#[test]
fn a_run_resumes_from_it_and_leaves_it_as_it_is() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 3);
    fs::write(folder.journal(), GOLDEN).unwrap();
    let mut nobody = Scripted {
        fails_after: Some(0),
        identity: identity(),
        ..Scripted::default()
    };
    let distilled = folder.run(&set, &math(), &mut nobody).unwrap();
    assert_eq!(
        (distilled.summary.replaced, distilled.summary.rewritten),
        (1, 3)
    );
    assert_eq!(fs::read_to_string(folder.journal()).unwrap(), GOLDEN);
}
