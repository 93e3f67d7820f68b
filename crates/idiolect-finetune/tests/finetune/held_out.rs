//! Rows that are evaluated and not trained on, from a file or as values.

use idiolect_completion::Quiet;
use idiolect_finetune::{FineTuneSettings, FineTuned, LazyRows};
use idiolect_lm::LanguageModel;
use idiolect_tokens::{TokenRow, Truncation};
use serde_json::{Value, json};

use crate::place::{Place, bits, config, examples};

/// Rows that no run here trains on.
fn others() -> Vec<Value> {
    let row = |word: &str| json!({"instruction": format!("Say {word}."), "input": "", "output": format!("no {word}")});
    ["moon", "star", "rain"].map(row).to_vec()
}

fn with_file(place: &Place) -> FineTuneSettings {
    FineTuneSettings {
        eval_data: Some(place.lines("others.jsonl", &others())),
        ..FineTuneSettings::default()
    }
}

/// Nats per trained token of the rows under a model.
fn loss(model: &LanguageModel, place: &Place) -> f64 {
    let set = idiolect_data::Dataset::open(place.path("others.jsonl")).unwrap();
    let rows = set.rows.iter();
    let rows: Vec<TokenRow> = rows
        .map(|row| {
            model
                .example_row(row.example.id.clone(), &row.example)
                .unwrap()
        })
        .collect();
    let scored = model.score(&rows, 2, &Quiet).unwrap();
    let tokens: usize = scored.iter().map(|row| row.tokens).sum();
    scored.iter().map(|row| row.nll).sum::<f64>() / tokens as f64
}

fn last(tuned: &FineTuned) -> f64 {
    tuned.report.evaluations.last().unwrap().eval_loss
}

#[test]
fn the_loss_of_a_file_is_that_of_the_model_that_comes_out() {
    let Some(place) = Place::new() else { return };
    let (data, settings) = (place.data(), with_file(&place));
    let tuned = place.run(&data).settings(settings).start().unwrap();
    let expected = loss(&tuned.model, &place);
    assert_eq!(tuned.report.evaluations.len(), 4);
    assert!(
        (last(&tuned) - expected).abs() < 1e-5,
        "{} {expected}",
        last(&tuned)
    );
    // They are not trained on, and the same rows may be given as a value.
    let plain = place.run(&data).start().unwrap();
    assert_eq!(bits(&tuned.adapter), bits(&plain.adapter));
    let set = idiolect_data::Dataset::open(place.path("others.jsonl")).unwrap();
    let given = place.run(&data).held_out(&set).start().unwrap();
    assert_eq!(last(&given).to_bits(), last(&tuned).to_bits());
}

#[test]
fn rows_that_are_read_as_they_are_needed_have_them_too() {
    let Some(place) = Place::new() else { return };
    let settings = with_file(&place);
    let lazy = LazyRows::open(&place.lines("rows.jsonl", &examples())).unwrap();
    let run = idiolect_finetune::FineTune::new(&place.model(), lazy).config(config());
    let tuned = run.settings(settings).start().unwrap();
    assert!((last(&tuned) - loss(&tuned.model, &place)).abs() < 1e-5);
}

#[test]
fn settings_that_hold_out_nothing_or_twice_are_refused() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let refused = |settings: FineTuneSettings| {
        let error = place.run(&data).settings(settings).start().unwrap_err();
        error.to_string()
    };
    let twice = FineTuneSettings {
        validation_share: 0.25,
        ..with_file(&place)
    };
    assert_eq!(
        refused(twice),
        "validation_share: expected 0 beside eval_data, found 0.25"
    );
    let sample = |eval_sample, settings| FineTuneSettings {
        eval_sample: Some(eval_sample),
        ..settings
    };
    let alone = refused(sample(2, FineTuneSettings::default()));
    assert_eq!(
        alone,
        "eval_sample: expected nothing without eval_data, found 2"
    );
    let none = refused(sample(0, with_file(&place)));
    assert_eq!(none, "eval_sample: expected at least 1, found 0");
    let short = FineTuneSettings {
        max_length: Some(3),
        truncation: Truncation::Drop,
        ..with_file(&place)
    };
    assert_eq!(
        refused(short),
        "eval_data: expected at least one row that fits, found none"
    );
}
