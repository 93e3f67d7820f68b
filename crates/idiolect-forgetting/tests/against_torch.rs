//! Forgetting of `SmolLM2` with an adapter of PEFT's, against `PyTorch`: each answer's likelihood, the divergence over the
//! whole vocabulary, and PEFT's procedure on plain text.
//!
//! `golden/make.py` says how the values were made. `golden/forgetting.jsonl` is the journal of a draw of this crate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use std::fs;
use std::path::Path;

use idiolect_completion::Quiet;
use idiolect_forgetting::{BaseAnswers, Forgetting, ForgettingPlace, ForgettingSettings};
use idiolect_lm::LanguageModel;
use idiolect_testkit::{shared, smollm2_folder};
use serde_json::Value;

const PROMPTS: usize = 24;
/// Of the plain texts the first so many.
const TEXTS: usize = 8;

fn golden(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// What the crate finds, from the journal of the draw: nothing is drawn anew.
fn measured(base: &LanguageModel, adapter: &Path) -> Forgetting {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("forgetting.jsonl");
    fs::write(&journal, golden("forgetting.jsonl")).unwrap();
    let place = ForgettingPlace {
        journal: Some(journal.clone()),
        cache: None,
    };
    let texts = include_str!("../prompts/texts.jsonl").lines().take(TEXTS);
    let own = folder.path().join("texts.jsonl");
    fs::write(&own, texts.collect::<Vec<_>>().join("\n")).unwrap();
    let settings = ForgettingSettings {
        forgetting_text: Some(own),
        ..ForgettingSettings::of(PROMPTS)
    };
    let answers = BaseAnswers::draw(base, &settings, &place, &Quiet).unwrap();
    assert_eq!(
        fs::read_to_string(&journal).unwrap(),
        golden("forgetting.jsonl")
    );
    answers
        .measure(&base.load_adapter(adapter).unwrap(), &Quiet)
        .unwrap()
}

#[test]
fn smollm2_forgets_what_pytorch_says() {
    let (Some(folder), Some(shared)) = (smollm2_folder(), shared()) else {
        return;
    };
    let adapter = shared.join("oracles/smollm2/adapter_final");
    let base = LanguageModel::open(&folder.display().to_string()).unwrap();
    let found = measured(&base, &adapter);
    let wanted: Value = serde_json::from_str(&golden("smollm2.json")).unwrap();

    let answers = wanted["answers"].as_array().unwrap();
    assert_eq!((answers.len(), found.rows.len()), (PROMPTS, PROMPTS));
    let (mut divergence, mut tokens) = (0.0, 0.0);
    for (row, wanted) in found.rows.iter().zip(answers) {
        assert_eq!(row.id, wanted["id"]);
        let number = |name: &str| wanted[name].as_f64().unwrap();
        for (found, name) in [(row.before, "before"), (row.after, "after")] {
            let off = (found - number(name)).abs() / number("tokens");
            assert!(off < 1e-4, "{}: {name}: {found}, {wanted}", row.id);
        }
        divergence += number("kl");
        tokens += number("tokens");
    }
    let kl = divergence / tokens;
    let interval = found.rise_by_tokens;
    assert!(
        interval.low <= kl && kl <= interval.high,
        "{kl} {interval:?}"
    );

    let (plain, wanted) = (&found.plain_text, &wanted["plain_text"]);
    assert_eq!(wanted["tokens"], plain.tokens);
    for (found, name) in [(plain.before, "before"), (plain.after, "after")] {
        let wanted = wanted[name].as_f64().unwrap();
        assert!((found - wanted).abs() < 1e-4, "{name}: {found}, {wanted}");
    }
    let rise = wanted["after"].as_f64().unwrap() - wanted["before"].as_f64().unwrap();
    assert!(
        (plain.rise.mean - rise).abs() < 1e-4,
        "{} {rise}",
        plain.rise.mean
    );
}
