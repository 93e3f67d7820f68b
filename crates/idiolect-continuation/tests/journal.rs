//! Resumption from a journal: after a crash, with other settings, with a larger sample.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod common;

use std::fs;

use common::{Folder, Scripted, corpus, settings, teacher};
use idiolect_completion::{BoxError, Completion, CompletionRequest, Writer, WriterIdentity};
use idiolect_continuation::{ContinuationConfig, ContinuationError, Filters, Shown};
use idiolect_data::DataError;
use proptest::prelude::*;
use serde_json::{Value, json};

const OUTPUTS: [&str; 4] = [
    "halves.jsonl",
    "rows.jsonl",
    "verdicts.jsonl",
    "summary.json",
];
const JOURNALS: [&str; 3] = [
    "journal/continuations.jsonl",
    "journal/instructional.jsonl",
    "journal/conversational.jsonl",
];

fn judged(documents: usize) -> ContinuationConfig {
    let filters = Filters {
        instructional: true,
        conversational: true,
        ..Filters::default()
    };
    ContinuationConfig {
        filters,
        ..settings(documents)
    }
}

fn sorted(folder: &Folder, name: &str) -> Vec<String> {
    let mut lines: Vec<_> = folder.read(name).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    /// Twenty kills, each a writer that fails at some row and a journal cut at some byte.
    #[test]
    fn a_killed_run_ends_as_if_it_had_never_stopped(
        fails in prop::collection::vec(0_usize..60, 1..4),
        cut in prop::collection::vec(0_usize..400, 1..4),
        backwards: bool,
    ) {
        let (whole, killed) = (Folder::new(), Folder::new());
        let corpus = corpus(whole.0.path(), 40);
        let settings = judged(25);
        whole.run(&corpus, &settings, &mut Scripted::default()).unwrap();
        for (fails, cut) in fails.iter().zip(&cut) {
            let mut failing = Scripted { fails_after: Some(*fails), backwards, ..Scripted::default() };
            let ended = killed.run(&corpus, &settings, &mut failing);
            prop_assert!(ended.is_err() || failing.wrote.len() <= *fails);
            let last = JOURNALS.iter().rev().map(|name| killed.path().join(name));
            let last = last.into_iter().find(|path| path.exists()).unwrap();
            let bytes = fs::read(&last).unwrap();
            fs::write(&last, &bytes[..bytes.len().saturating_sub(*cut)]).unwrap();
        }
        let mut rest = Scripted { backwards, ..Scripted::default() };
        killed.run(&corpus, &settings, &mut rest).unwrap();
        for name in OUTPUTS {
            prop_assert_eq!(killed.read(name), whole.read(name), "{}", name);
        }
        for name in JOURNALS {
            prop_assert_eq!(sorted(&killed, name), sorted(&whole, name), "{}", name);
        }
        let mut nobody = Scripted { fails_after: Some(0), ..Scripted::default() };
        killed.run(&corpus, &settings, &mut nobody).unwrap();
    }
}

#[test]
fn a_larger_sample_goes_on_from_a_smaller_one() {
    let (folder, whole) = (Folder::new(), Folder::new());
    let corpus = corpus(whole.0.path(), 40);
    folder
        .run(&corpus, &settings(10), &mut Scripted::default())
        .unwrap();
    let mut rest = Scripted::default();
    folder.run(&corpus, &settings(25), &mut rest).unwrap();
    assert_eq!(rest.wrote.len(), 15);
    whole
        .run(&corpus, &settings(25), &mut Scripted::default())
        .unwrap();
    assert_eq!(folder.read("rows.jsonl"), whole.read("rows.jsonl"));
    // The smaller sample again: the others stay in the journal, unused.
    let mut nobody = Scripted {
        fails_after: Some(0),
        ..Scripted::default()
    };
    let small = folder.run(&corpus, &settings(10), &mut nobody).unwrap();
    assert_eq!(small.summary.corpus.sampled, 10);
    assert_eq!(folder.rows(JOURNALS[0]).len(), 25);
}

#[test]
fn other_filters_judge_the_same_texts_anew() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 30);
    let plain = folder
        .run(&corpus, &settings(30), &mut Scripted::default())
        .unwrap()
        .summary;
    let filters = Filters {
        capital: true,
        unfinished: true,
        ..Filters::default()
    };
    let mut nobody = Scripted {
        fails_after: Some(0),
        ..Scripted::default()
    };
    let strict = ContinuationConfig {
        filters,
        ..settings(30)
    };
    let strict = folder.run(&corpus, &strict, &mut nobody).unwrap().summary;
    assert!(strict.rows < plain.rows && strict.tokens == plain.tokens);
}

#[test]
fn the_journal_of_another_run_is_refused_with_what_differs() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 12);
    let own = settings(12);
    folder.run(&corpus, &own, &mut Scripted::default()).unwrap();
    let told = |settings| folder.refusal(&corpus, &settings, &mut Scripted::default());
    let told_of = |identity| {
        let mut writer = Scripted {
            identity,
            ..Scripted::default()
        };
        folder.refusal(&corpus, &own, &mut writer)
    };
    let other = WriterIdentity {
        model: "other".into(),
        ..teacher()
    };
    assert_eq!(
        told_of(other),
        "run/journal/continuations.jsonl: id 0: the option model was scripted, is other; what it was begun with \
         resumes it, or another run directory (the option out) begins a new run"
    );
    let warm = WriterIdentity {
        sampler: json!({"temperature": 1.0}),
        ..teacher()
    };
    assert!(told_of(warm).contains(": the option temperature was 0, is 1;"));
    assert!(
        told(ContinuationConfig {
            seed: 1,
            ..own.clone()
        })
        .contains(": the option seed is another")
    );
    assert!(
        told(ContinuationConfig {
            shown: Shown::Raw,
            ..own.clone()
        })
        .contains(": the form was \"chat\", is \"raw\"")
    );
    let text = fs::read_to_string(&corpus.root).unwrap();
    fs::write(&corpus.root, text.replacen("w0", "v0", 1)).unwrap();
    assert!(told(own.clone()).contains("id 0: its prompt is another"));
    fs::write(&corpus.root, text).unwrap();
    let journal = folder.path().join(JOURNALS[0]);
    let lines = fs::read_to_string(&journal).unwrap();
    let first = lines.split_inclusive('\n').next().unwrap();
    fs::write(&journal, format!("{lines}{first}")).unwrap();
    assert!(
        told(own.clone()).ends_with("0 texts missing, 0 that nobody asked for, 1 repeated (ids 0)")
    );
    fs::write(&journal, "{\"id\": 1}\n").unwrap();
    let error = told(own);
    assert!(
        error.contains("continuations.jsonl: line 1, column "),
        "{error}"
    );
}

#[test]
fn texts_and_judgements_of_documents_that_the_corpus_has_not_are_refused_by_their_ids() {
    let folder = Folder::new();
    let large = corpus(folder.0.path(), 12);
    folder
        .run(&large, &judged(12), &mut Scripted::default())
        .unwrap();
    let small = corpus(folder.0.path(), 10);
    assert_eq!(
        folder.refusal(&small, &judged(9), &mut Scripted::default()),
        "run/journal/continuations.jsonl: 0 texts missing, 2 that nobody asked for, 0 repeated (ids 10, \"row 11\")"
    );
    // The journals without them, one after the other.
    for name in JOURNALS {
        let path = folder.path().join(name);
        let text = folder.read(name);
        let kept = text.split_inclusive('\n').filter(|row| {
            let row: Value = serde_json::from_str(row).unwrap();
            row["id"] != 10 && row["id"] != "row 11"
        });
        let kept: String = kept.collect();
        if kept != text {
            let error = folder.refusal(&small, &judged(9), &mut Scripted::default());
            assert!(
                error.starts_with(&format!("run/{name}: 0 texts missing, ")),
                "{error}"
            );
            assert!(
                error.contains(" that nobody asked for, 0 repeated (ids "),
                "{error}"
            );
        }
        fs::write(path, kept).unwrap();
    }
    // Texts of the corpus which the sample has not may stay.
    folder
        .run(&small, &judged(9), &mut Scripted::default())
        .unwrap();
}

#[test]
fn a_text_or_count_that_was_edited_is_refused_by_its_line() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 12);
    let run = || folder.run(&corpus, &judged(12), &mut Scripted::default());
    run().unwrap();
    for name in JOURNALS {
        let text = folder.read(name);
        for (from, to) in [
            ("\"text\":\"", "\"text\":\"x"),
            ("\"token_count\":", "\"token_count\":1"),
        ] {
            fs::write(folder.path().join(name), text.replacen(from, to, 1)).unwrap();
            let error = run().unwrap_err();
            let line = format!("{name}: line 1: crc32c: expected ");
            assert!(matches!(
                error,
                ContinuationError::Data(DataError::Checksum { .. })
            ));
            assert!(error.to_string().contains(&line), "{error}");
        }
        fs::write(folder.path().join(name), text).unwrap();
    }
    run().unwrap();
}

/// Hands over what the closure makes of a window.
struct Odd(fn(&[CompletionRequest]) -> Vec<CompletionRequest>);

impl Writer for Odd {
    fn identity(&self) -> WriterIdentity {
        teacher()
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        Scripted::default().complete(&(self.0)(requests), on_done)
    }
}

#[test]
fn a_writer_that_leaves_out_repeats_or_invents_is_found_out() {
    let told = |odd| {
        let folder = Folder::new();
        let corpus = corpus(folder.0.path(), 3);
        folder.refusal(&corpus, &settings(3), &mut Odd(odd))
    };
    assert_eq!(
        told(|requests| requests[1..].to_vec()),
        "the writer: 1 text missing, 0 that nobody asked for, 0 repeated (ids 0)"
    );
    assert_eq!(
        told(|requests| [requests, &requests[2..]].concat()),
        "the writer: 0 texts missing, 0 that nobody asked for, 1 repeated (ids 2)"
    );
    assert_eq!(
        told(|requests| {
            let mut all = requests.to_vec();
            all[1].id = json!("row 9");
            all
        }),
        "the writer: 0 texts missing, 1 that nobody asked for, 0 repeated (ids \"row 9\")"
    );
}
