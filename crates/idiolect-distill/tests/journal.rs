//! Resumption from a journal: after a crash, with other settings, with a larger share.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod common;

use std::fs;

use common::{Folder, Scripted, answers, identity, math, settings, sums};
use idiolect_completion::{BoxError, Completion, CompletionRequest, Writer, WriterIdentity};
use idiolect_distill::{DistillConfig, Extras};
use idiolect_prompt::DistillTemplate;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn a_share_of_the_rows_is_rewritten_and_a_larger_one_goes_on_from_it() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 8);
    let share = |mix_ratio| DistillConfig {
        mix_ratio,
        ..settings()
    };
    let mut writer = answers(&set);
    let none = folder.run(&set, &share(0.0), &mut writer).unwrap();
    assert_eq!((none.set, writer.wrote.len()), (set.clone(), 0));
    let quarter = folder.run(&set, &share(0.25), &mut writer).unwrap();
    assert_eq!((quarter.summary.rewritten, writer.wrote.len()), (2, 2));
    let half = folder.run(&set, &share(0.5), &mut writer).unwrap();
    assert_eq!((half.summary.rewritten, writer.wrote.len()), (4, 4));
    let again = folder
        .run(&set, &share(0.25), &mut Scripted::default())
        .unwrap();
    assert_eq!(again, quarter);
    for wrong in [-0.1, 1.5, f64::NAN] {
        let refusal = folder.refusal(&set, &share(wrong), &mut Scripted::default());
        assert_eq!(
            refusal,
            format!("mix_ratio: expected a share from 0 to 1, found {wrong}")
        );
    }
}

#[test]
fn going_on_asks_only_for_what_is_missing_and_ends_the_same() {
    let (whole, killed) = (Folder::new(), Folder::new());
    let set = sums(whole.0.path(), 7);
    let expected = whole.run(&set, &math(), &mut answers(&set)).unwrap();
    let mut failing = Scripted {
        fails_after: Some(3),
        ..answers(&set)
    };
    let refusal = killed.refusal(&set, &math(), &mut failing);
    assert_eq!(
        refusal,
        "rewrites: stopped after 3 of 7 texts: the server is gone"
    );
    let mut journal = fs::read(killed.journal()).unwrap();
    journal.extend(b"{\"id\": \"row 3\", \"mod");
    fs::write(killed.journal(), journal).unwrap();

    let mut rest = answers(&set);
    let found = killed.run(&set, &math(), &mut rest).unwrap();
    assert_eq!(
        (&found.records, &found.summary),
        (&expected.records, &expected.summary)
    );
    assert_eq!(found.set, expected.set);
    assert_eq!(
        rest.wrote,
        [json!("row 3"), json!(4), json!("row 5"), json!(6)]
    );
    assert_eq!(
        fs::read(killed.journal()).unwrap(),
        fs::read(whole.journal()).unwrap()
    );
}

/// Writes whole batches over again, as a writer does that must repeat the batch it was in.
struct Batches(Scripted);

impl Writer for Batches {
    fn identity(&self) -> WriterIdentity {
        self.0.identity()
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        for batch in requests
            .chunks(4)
            .filter(|batch| batch.iter().any(|request| !request.done))
        {
            let batch: Vec<_> = batch
                .iter()
                .map(|request| CompletionRequest {
                    done: false,
                    ..request.clone()
                })
                .collect();
            self.0.complete(&batch, on_done)?;
        }
        Ok(())
    }
}

#[test]
fn a_batch_may_be_repeated_whole() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 8);
    let mut failing = Scripted {
        fails_after: Some(6),
        ..answers(&set)
    };
    folder.refusal(&set, &math(), &mut failing);
    let mut batches = Batches(answers(&set));
    folder.run(&set, &math(), &mut batches).unwrap();
    assert_eq!((batches.0.wrote.len(), folder.records().len()), (4, 8));
}

#[test]
fn the_journal_of_another_run_is_refused_with_what_differs() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 2);
    folder.run(&set, &math(), &mut answers(&set)).unwrap();
    let refusal = |settings, identity| {
        let mut writer = Scripted {
            identity,
            ..Scripted::default()
        };
        folder.refusal(&set, &settings, &mut writer)
    };
    assert_eq!(
        refusal(
            math(),
            WriterIdentity {
                model: "sha256:n".into(),
                ..identity()
            }
        ),
        "journal.jsonl: id 0: the option model was sha256:m, is sha256:n; what it was begun with resumes it, or \
         another run directory (the option out) begins a new run",
    );
    let about = |settings, identity| {
        let refusal = refusal(settings, identity);
        let (_, field) = refusal.split_once("id 0: the ").unwrap();
        let field = field.trim_start_matches("option ");
        field.split_once(' ').unwrap().0.to_owned()
    };
    let adapter = WriterIdentity {
        adapter: Some("sha256:a".into()),
        ..identity()
    };
    assert_eq!(about(math(), adapter), "adapter");
    let sampler = WriterIdentity {
        sampler: "greedy".into(),
        ..identity()
    };
    assert_eq!(about(math(), sampler), "sampler");
    let template = DistillConfig {
        template: DistillTemplate::refer(),
        ..math()
    };
    assert_eq!(about(template, identity()), "preset");
    let seed = DistillConfig { seed: 43, ..math() };
    assert_eq!(about(seed, identity()), "seed");
    let mut other = set.clone();
    other.rows[0].example.messages[0].content.push('!');
    let refusal = folder.refusal(&other, &math(), &mut Scripted::default());
    assert!(refusal.contains("id 0: its prompt is another"), "{refusal}");
}

#[test]
fn another_check_judges_the_same_texts_anew() {
    let folder = Folder::new();
    let set = sums(folder.0.path(), 3);
    folder.run(&set, &math(), &mut answers(&set)).unwrap();
    let distilled = folder
        .run(&set, &settings(), &mut Scripted::default())
        .unwrap();
    assert_eq!(distilled.summary.replaced, 3);
    assert_eq!(folder.records()[2]["verdict"], "keep");
    let extras = Extras {
        echo: vec!["forgot".into()],
        ..Extras::default()
    };
    let settings = DistillConfig {
        extras,
        ..settings()
    };
    let distilled = folder
        .run(&set, &settings, &mut Scripted::default())
        .unwrap();
    assert_eq!(distilled.summary.refused["echo"], 1);
    assert_eq!(folder.records()[2]["marker"], "forgot");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn killed_at_any_byte_a_run_ends_the_same(share in 0.0..1.0f64, mix_ratio in 0.0..=1.0f64) {
        let (whole, killed) = (Folder::new(), Folder::new());
        let set = sums(whole.0.path(), 5);
        let settings = DistillConfig { mix_ratio, ..math() };
        let expected = whole.run(&set, &settings, &mut answers(&set)).unwrap();
        let journal = fs::read(whole.journal()).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the file")]
        let end = (journal.len() as f64 * share) as usize;
        fs::write(killed.journal(), &journal[..end]).unwrap();
        let found = killed.run(&set, &settings, &mut answers(&set)).unwrap();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(fs::read(killed.journal()).unwrap(), journal);
    }
}
