//! Rows that are read one at a time.

use idiolect_data::Dataset;
use idiolect_finetune::{FineTune, FineTuneSettings, LazyRows, TrainingEvent, Truncation};
use idiolect_train::TrainConfig;
use serde_json::json;

use crate::place::{Place, bits, config};

#[test]
fn rows_read_one_at_a_time_train_as_rows_in_memory() {
    let Some(place) = Place::new() else { return };
    let model = place.model();
    let word = |at: usize| json!({"instruction": format!("Say {at}."), "output": "x".repeat(at)});
    let path = place.lines("rows.jsonl", &(1..16).map(word).collect::<Vec<_>>());
    let set = Dataset::open(&path).unwrap();
    // Without grouping by length the order is the same.
    let config = TrainConfig {
        length_grouping: false,
        ..config()
    };
    let settings = FineTuneSettings {
        validation_share: 0.25,
        ..FineTuneSettings::default()
    };
    let run = |data, name| {
        let run = FineTune::new(&model, data).config(config.clone());
        run.settings(settings.clone())
            .run_dir(place.path(name))
            .start()
            .unwrap()
    };
    let held = run(idiolect_finetune::TrainingData::from(&set), "held");
    let lazy = || LazyRows::open(&path).unwrap();
    let read = run(lazy().into(), "lazy");
    assert_eq!(bits(&held.adapter), bits(&read.adapter));
    assert_eq!(
        place.bytes("held/metrics.jsonl"),
        place.bytes("lazy/metrics.jsonl")
    );
    assert_eq!(
        (read.report.plan.tokens, held.report.plan.tokens.is_some()),
        (None, true)
    );
    // The cache serves a second run, and is not written again.
    let before = place.bytes("lazy/tokens.cache");
    std::fs::remove_dir_all(place.path("lazy/checkpoints")).unwrap();
    let again = run(lazy().into(), "lazy");
    assert_eq!(bits(&again.adapter), bits(&held.adapter));
    assert_eq!(place.bytes("lazy/tokens.cache"), before);
}

#[test]
fn rows_that_are_too_long_are_counted_as_they_come() {
    let Some(place) = Place::new() else { return };
    let long = json!({"instruction": "Say it.", "input": "", "output": "x ".repeat(400)});
    let path = place.lines(
        "rows.jsonl",
        &[crate::place::examples(), vec![long]].concat(),
    );
    let rows = LazyRows::open(&path).unwrap();
    let settings = FineTuneSettings {
        max_length: Some(100),
        truncation: Truncation::Drop,
        ..FineTuneSettings::default()
    };
    let mut told = None;
    let run = FineTune::new(&place.model(), rows)
        .config(config())
        .settings(settings);
    let run = run.on_event(|event| {
        if let TrainingEvent::RowsTruncated { dropped, cut, .. } = event {
            told = Some((dropped, cut));
        }
    });
    run.start().unwrap();
    let (dropped, cut) = told.unwrap();
    assert!(dropped >= 4 && cut == 0, "{dropped} {cut}");
}
