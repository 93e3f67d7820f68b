//! Runs of twenty steps beside the same runs in `PyTorch`, on the same answers,
//! which `golden/on_policy/reference.py` made.

use std::path::{Path, PathBuf};

use idiolect_data::Dataset;
use idiolect_finetune::{
    Asked, DivergenceKind, DrawnAnswer, FineTuneSettings, OnPolicy, SupportKind, TeacherKind,
    TeachingSettings,
};
use idiolect_lora::LoraAdapter;
use idiolect_train::TrainConfig;
use serde_json::Value;

use super::generation;
use crate::place::Place;

fn golden(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/on_policy");
    folder.join(name)
}

fn trace() -> Value {
    serde_json::from_str(include_str!("../../golden/on_policy/trace.json")).unwrap()
}

/// The adapter that the runs start with.
fn start(place: &Place) -> PathBuf {
    place.tiny.join("../peft/tiny-llama3/qv/adapter_init")
}

fn of<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn teaching(run: &Value) -> TeachingSettings {
    let usual = TeachingSettings::default();
    let count = |name: &str| run[name].as_u64().map(|n| usize::try_from(n).unwrap());
    TeachingSettings {
        teacher: of::<TeacherKind>(&run["teacher"]),
        ema_rate: run["rate"].as_f64().unwrap_or(usual.ema_rate),
        divergence: of::<DivergenceKind>(&run["divergence"]),
        support: run.get("support").map_or(SupportKind::Full, of),
        support_top_k: count("top").unwrap_or(usual.support_top_k),
        support_tail: run["tail"] == true,
        updates_per_batch: count("updates").unwrap_or(1),
        importance_clip: run["clip"].as_f64().unwrap_or(usual.importance_clip),
        ..usual
    }
}

/// The answers of a recorded step, to the prompts that it recorded.
fn recorded(trace: &Value, steps: &Value, asked: &Asked<'_>) -> Vec<DrawnAnswer> {
    let step = &steps[asked.step - 1];
    let places: Vec<usize> = of(&step["prompts"]);
    for (place, prompt) in places.iter().zip(asked.prompts) {
        assert_eq!(of::<Vec<u32>>(&trace["rows"][place]["student"]), *prompt);
    }
    let answers: Vec<Vec<u32>> = of(&step["answers"]);
    let answer = |token_ids| DrawnAnswer {
        token_ids,
        text: "recorded".into(),
        finish_reason: "length".into(),
    };
    answers.into_iter().map(answer).collect()
}

/// The factors that the reference ended with.
fn expected(place: &Place, name: &str) -> LoraAdapter {
    let folder = place.path(name);
    std::fs::create_dir(&folder).unwrap();
    let config = start(place).join("adapter_config.json");
    std::fs::write(
        folder.join("adapter_config.json"),
        std::fs::read(config).unwrap(),
    )
    .unwrap();
    let file = golden(&format!("{name}.safetensors"));
    std::fs::copy(file, folder.join("adapter_model.safetensors")).unwrap();
    let model = place.model();
    idiolect_lora::load_adapter(&folder, model.decoder(), &model.device()).unwrap()
}

fn numbers(adapter: &LoraAdapter) -> Vec<f32> {
    let bits = crate::place::bits(adapter);
    bits.into_iter().map(f32::from_bits).collect()
}

#[test]
fn twenty_steps_are_those_of_pytorch_for_every_teacher() {
    let Some(place) = Place::new() else { return };
    let trace = trace();
    let rows: Vec<Value> = of(&trace["rows"]);
    let data = Dataset::open(place.lines("reference.jsonl", &rows)).unwrap();
    for (name, run) in trace["runs"].as_object().unwrap() {
        let (steps, teaching) = (&run["steps"], teaching(&run["settings"]));
        let config = TrainConfig {
            epochs: 10 / teaching.updates_per_batch,
            batch_size: 2,
            accumulation: 2,
            learning_rate: trace["rate"].as_f64().unwrap(),
            shuffle: false,
            length_grouping: false,
            ..TrainConfig::default()
        };
        let settings = FineTuneSettings {
            init_adapter: Some(start(&place)),
            ..FineTuneSettings::default()
        };
        let begun = place.run(&data).config(config).settings(settings);
        let begun = OnPolicy::new(begun)
            .teaching(teaching)
            .generation(generation());
        let begun = begun.answers(|asked: &Asked<'_>| Ok(recorded(&trace, steps, asked)));
        let tuned = begun.start().unwrap();
        assert_eq!(tuned.report.steps.len(), 20);
        for (row, step) in tuned.report.steps.iter().zip(steps.as_array().unwrap()) {
            let off = |found: f64, field: &str| (found - step[field].as_f64().unwrap()).abs();
            let place = format!("{name}, step {}", row.step);
            assert_eq!(row.trained_tokens as u64, step["tokens"], "{place}");
            let away = off(row.loss, "loss");
            assert!(away <= 5e-5, "{place}: loss is off by {away:e}");
            let away = off(row.more["divergence"], "divergence");
            assert!(away <= 5e-5, "{place}: divergence is off by {away:e}");
            let away = off(row.grad_norm, "grad_norm") / row.grad_norm;
            assert!(away <= 1e-4, "{place}: gradient norm is off by {away:e}");
        }
        let (found, expected) = (numbers(&tuned.adapter), numbers(&expected(&place, name)));
        idiolect_testkit::assert_close(name, &found, &expected, 3e-4);
    }
}
