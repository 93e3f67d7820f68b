//! On-policy self-distillation on a tiny model.

mod judged;
mod reference;
mod refused;
mod resumed;

use std::sync::Mutex;

use idiolect_completion::GenerationSettings;
use idiolect_data::Dataset;
use idiolect_finetune::{
    Asked, AveragedOver, DivergenceKind, DrawnAnswer, FineTuneError, FineTuned, OnPolicy,
    SupportKind, TeacherKind, TeachingSettings, TrainingEvent,
};
use idiolect_train::TrainConfig;
use serde_json::Value;

use crate::place::{Place, bits, config, numbers, read};

/// Short answers.
fn generation() -> GenerationSettings {
    GenerationSettings {
        temperature: 1.0,
        max_new_tokens: 12,
        ..GenerationSettings::default()
    }
}

/// A run, in a folder where one is named.
fn on<'a>(
    place: &Place,
    data: &'a Dataset,
    teaching: TeachingSettings,
    config: TrainConfig,
    folder: Option<&str>,
) -> OnPolicy<'a> {
    let mut run = place.run(data).config(config);
    if let Some(folder) = folder {
        run = run.run_dir(place.path(folder));
    }
    OnPolicy::new(run)
        .teaching(teaching)
        .generation(generation())
}

fn rows(place: &Place, name: &str) -> Vec<Value> {
    let text = read(&place.path(name));
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// Every teacher, divergence and support trains, and says what a run says.
#[test]
fn every_kind_trains_and_tells() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let kinds = [
        (
            TeacherKind::Off,
            DivergenceKind::ForwardKl,
            SupportKind::Full,
        ),
        (
            TeacherKind::Live,
            DivergenceKind::ReverseKl,
            SupportKind::Sampled,
        ),
        (
            TeacherKind::Ema,
            DivergenceKind::Js,
            SupportKind::StudentTopK,
        ),
        (
            TeacherKind::Original,
            DivergenceKind::ForwardKl,
            SupportKind::TeacherTopK,
        ),
    ];
    for (teacher, divergence, support) in kinds {
        let teaching = TeachingSettings {
            teacher,
            divergence,
            support,
            support_top_k: 20,
            support_tail: teacher == TeacherKind::Ema,
            ..TeachingSettings::default()
        };
        tells(&place, &data, teaching);
    }
}

/// One short run, and what it leaves.
fn tells(place: &Place, data: &Dataset, teaching: TeachingSettings) {
    let folder = format!("{}", teaching.teacher);
    let short = TrainConfig {
        epochs: 1,
        ..config()
    };
    let run = on(place, data, teaching, short, Some(&folder));
    let tuned = run.start().unwrap();
    assert_eq!(tuned.report.done, 3);
    let steps = &tuned.report.steps;
    let is_sound = |row: &idiolect_train::StepRow| row.loss.is_finite() && row.trained_tokens > 0;
    assert!(steps.iter().all(is_sound));
    let names = "divergence divergence_to_4 entropy agreement answer_tokens cut empty skipped";
    for name in names.split(' ') {
        assert!(steps[0].more.contains_key(name), "{folder}: {name}");
        let metrics = place.path(&format!("{folder}/metrics.jsonl"));
        assert_eq!(numbers(&metrics, name).len(), 3);
    }
    let answers = rows(place, &format!("{folder}/journal/answers.jsonl"));
    assert_eq!(answers.len(), 1 + 12);
    let told = |row: &Value| row["teacher"] == folder && row["step"].is_u64();
    assert!(answers[1..].iter().all(told));
    assert!(answers[1]["text"].is_string() && answers[1]["loss"].is_f64());
    assert!(answers[0]["run"]["teacher"] == folder);
    assert!(
        place
            .path(&format!("{folder}/adapter/adapter_model.safetensors"))
            .is_file()
    );
    let settings = read(&place.path(&format!("{folder}/run.toml")));
    let line = format!("teacher = \"{folder}\"");
    assert!(settings.contains(&line), "{settings}");
}

/// Twelve tokens a prompt that no model draws: the loss falls towards the teacher's on answers that stay the same.
#[test]
fn the_divergence_from_the_teacher_falls_on_the_same_answers() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let drawn = Mutex::new(None);
    let same = |asked: &Asked<'_>| {
        let mut kept = drawn.lock().unwrap();
        let answers: &Vec<Vec<u32>> = kept.get_or_insert_with(|| {
            let answer = |at: u32| {
                (0..12)
                    .map(|token| 10 + (at * 7 + token * 5) % 50)
                    .collect()
            };
            (0..12).map(answer).collect()
        });
        let of = |prompt: &Vec<u32>| DrawnAnswer {
            token_ids: answers[prompt.iter().map(|id| *id as usize).sum::<usize>() % 12].clone(),
            text: "same".into(),
            finish_reason: "length".into(),
        };
        Ok(asked.prompts.iter().map(of).collect())
    };
    let fast = TrainConfig {
        learning_rate: 1e-2,
        ..config()
    };
    let tuned = on(&place, &data, TeachingSettings::default(), fast, None)
        .answers(same)
        .start()
        .unwrap();
    let steps = &tuned.report.steps;
    let mean = |rows: &[idiolect_train::StepRow]| {
        rows.iter().map(|row| row.more["divergence"]).sum::<f64>() / rows.len() as f64
    };
    let (first, last) = (mean(&steps[..3]), mean(&steps[9..]));
    assert!(last < 0.8 * first, "{first} {last}");
    assert!(
        steps
            .iter()
            .all(|row| (row.more["cut"] - 1.0).abs() < 1e-12)
    );
}

/// A rate of zero in the first step leaves the student as it was: the weight of the second update is computed, and
/// exactly 1.
#[test]
fn the_importance_weight_is_exactly_one_until_the_student_has_moved() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let teaching = TeachingSettings {
        updates_per_batch: 3,
        rollouts: 2,
        ..TeachingSettings::default()
    };
    let warm = TrainConfig {
        epochs: 1,
        warmup_steps: 1,
        learning_rate: 5e-2,
        ..config()
    };
    let tuned = on(&place, &data, teaching, warm, Some("run"))
        .start()
        .unwrap();
    let weight = |step: usize| tuned.report.steps[step].more["importance"].to_bits();
    assert_eq!([weight(0), weight(1)], [1f64.to_bits(); 2]);
    assert!(weight(2) != 1f64.to_bits() && weight(3) == 1f64.to_bits());
    // Four prompts in a step, two answers each, three updates of them; the text stands in the first.
    let answers = rows(&place, "run/journal/answers.jsonl");
    assert_eq!(answers.len(), 1 + 3 * 3 * 8);
    let second = answers.iter().filter(|row| row["step"] == 2);
    assert!(
        second
            .clone()
            .all(|row| row["drawn_at"] == 1 && row.get("text").is_none())
    );
    assert_eq!(second.count(), 8);
}
