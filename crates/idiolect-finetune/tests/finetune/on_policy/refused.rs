//! What a run of on-policy self-distillation refuses, by row, setting or journal, before it writes anything.

use idiolect_data::{BadRows, Dataset};
use idiolect_finetune::{FineTune, FineTuneSettings, OnPolicy, TeachingSettings};
use idiolect_train::TrainConfig;
use serde_json::json;

use super::{generation, on, rows};
use crate::place::{Place, config, read};

#[test]
fn rows_without_a_demonstration_or_room_are_refused_by_name() {
    let Some(place) = Place::new() else { return };
    let long = "word ".repeat(120);
    let all = [
        json!({"id": "good", "instruction": "Say red.", "output": "red it is"}),
        json!({"id": "bare", "instruction": "Say blue.", "output": ""}),
        json!({"id": "long", "instruction": "Say green.", "output": long}),
    ];
    let of = |kept: &[usize]| {
        let chosen: Vec<_> = kept.iter().map(|at| all[*at].clone()).collect();
        Dataset::open(place.lines("rows.jsonl", &chosen)).unwrap()
    };
    let limited = |data: &Dataset| {
        let settings = FineTuneSettings {
            max_length: Some(120),
            ..FineTuneSettings::default()
        };
        let run = place.run(data).settings(settings);
        OnPolicy::new(run)
            .generation(generation())
            .start()
            .map(drop)
    };
    let error = limited(&of(&[0, 1])).unwrap_err().to_string();
    let expected = "row bare, response: expected a demonstration for context sdft-2601, found none";
    assert_eq!(error, expected);
    let error = limited(&of(&[0, 2])).unwrap_err().to_string();
    assert!(
        error.starts_with("row long, context: expected context and max_new_tokens (12)"),
        "{error}"
    );
    let mut settings = idiolect_finetune::TrainSettings {
        out: Some(place.path("skipping")),
        ..idiolect_finetune::TrainSettings::default()
    };
    settings.model.model = place.model_path("tiny-llama3");
    settings.data.data = vec![place.lines("rows.jsonl", &all)];
    settings.data.bad_rows = BadRows::Skip;
    settings.finetune.max_length = Some(120);
    settings.train = TrainConfig {
        max_steps: Some(1),
        ..config()
    };
    let online = idiolect_finetune::OnPolicySettings {
        run: settings,
        max_new_tokens: 12,
        ..idiolect_finetune::OnPolicySettings::default()
    };
    idiolect_finetune::distill_online(&online, None, idiolect_finetune::Hooks::default()).unwrap();
    let skipped = rows(&place, "skipping/skipped.jsonl");
    assert_eq!(skipped.len(), 2);
    assert!(
        skipped[1]["problem"]
            .as_str()
            .unwrap()
            .contains("max_new_tokens"),
        "{}",
        skipped[1]
    );
}

#[test]
fn a_journal_of_another_run_and_one_that_lost_answers_are_refused() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let short = |learning_rate: f64, checkpoint_every: usize| TrainConfig {
        epochs: 1,
        learning_rate,
        checkpoint_every,
        ..config()
    };
    let begun = |rate: f64, every: usize| {
        on(
            &place,
            &data,
            TeachingSettings::default(),
            short(rate, every),
            Some("run"),
        )
    };
    begun(1e-3, 0).start().unwrap();
    let journal = place.path("run/journal/answers.jsonl");
    let before = read(&journal);
    let settings = read(&place.path("run/run.toml"));
    let error = begun(2e-3, 0).start().unwrap_err().to_string();
    assert!(
        error.ends_with(
            "answers.jsonl: learning_rate: expected 0.001, or another run directory, found 0.002"
        ),
        "{error}"
    );
    assert_eq!(
        (read(&journal), read(&place.path("run/run.toml"))),
        (before.clone(), settings)
    );
    // The same run begins anew, with a checkpoint this time, and loses its last answers.
    begun(1e-3, 2).start().unwrap();
    assert_eq!(read(&journal), before);
    let kept: Vec<&str> = before.lines().take(6).collect();
    std::fs::write(&journal, kept.join("\n") + "\n").unwrap();
    let run = place
        .run(&data)
        .config(short(1e-3, 2))
        .run_dir(place.path("run"))
        .resume(true);
    let error = OnPolicy::new(run)
        .generation(generation())
        .start()
        .unwrap_err();
    let first: Option<&dyn std::error::Error> = Some(&error);
    let chain = std::iter::successors(first, |cause| cause.source());
    let told: Vec<String> = chain.map(ToString::to_string).collect();
    let told = told.join(": ");
    assert!(
        told.contains("answers of the checkpoint's 3 steps"),
        "{told}"
    );
}

#[test]
fn settings_that_have_no_meaning_here_are_refused() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let refused = |run: FineTune<'_>| OnPolicy::new(run).start().unwrap_err().to_string();
    let held_out = FineTuneSettings {
        validation_share: 0.5,
        ..FineTuneSettings::default()
    };
    let error = refused(place.run(&data).settings(held_out));
    assert!(
        error.starts_with("validation_share: expected nothing in an on-policy"),
        "{error}"
    );
    let long =
        OnPolicy::new(place.run(&data)).generation(idiolect_completion::GenerationSettings {
            max_new_tokens: 100_000,
            ..generation()
        });
    let error = long.start().unwrap_err().to_string();
    assert!(
        error.contains("prompt and max_new_tokens (100000) within"),
        "{error}"
    );
}
