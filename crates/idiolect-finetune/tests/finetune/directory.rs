//! What a run leaves in its directory, and what it tells.

use idiolect_data::settings::{read_file, resolve};
use idiolect_finetune::{FineTuneSettings, TrainSettings, TrainingEvent};
use idiolect_lora::LoraConfig;
use serde_json::Value;

use crate::place::{Place, config, numbers, read};

#[test]
#[allow(clippy::too_many_lines, reason = "a list of cases")]
fn a_run_directory_holds_settings_plan_logs_curves_and_the_adapter() {
    let Some(place) = Place::new() else { return };
    let (data, run) = (place.data(), place.path("run"));
    let mut events = Vec::new();
    let settings = FineTuneSettings {
        tensorboard: true,
        validation_share: 0.25,
        ..FineTuneSettings::default()
    };
    let tuned = place.run(&data).settings(settings).run_dir(&run);
    let tuned = tuned.on_event(|event| events.push(event)).start().unwrap();

    let losses: Vec<f64> = tuned.report.steps.iter().map(|row| row.loss).collect();
    assert_eq!(numbers(&run.join("metrics.jsonl"), "loss"), losses);
    let held_out: Vec<f64> = tuned
        .report
        .evaluations
        .iter()
        .map(|row| row.eval_loss)
        .collect();
    assert_eq!(numbers(&run.join("metrics.jsonl"), "eval_loss"), held_out);
    assert_eq!(held_out.len(), 4);
    assert_eq!(
        numbers(&run.join("timings.jsonl"), "seconds").len(),
        losses.len()
    );
    let curves = read(&run.join("curves.svg"));
    assert!(curves.starts_with("<svg") && curves.contains("held-out"));
    for file in [
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
        "adapter/tokenizer.json",
        "adapter/tokenizer_config.json",
        "adapter/template.json",
        "checkpoints/step-12/state.json",
    ] {
        assert!(run.join(file).is_file(), "{file}");
    }
    assert_eq!(
        std::fs::read_dir(run.join("tensorboard")).unwrap().count(),
        1
    );
    let plan: Value = serde_json::from_str(&read(&run.join("plan.json"))).unwrap();
    assert_eq!(plan["rows"], 9);
    assert_eq!(plan["held_out"], 3);
    assert_eq!(plan["weights_bytes"], tuned.report.plan.weights_bytes);

    assert!(matches!(
        events[0],
        TrainingEvent::Planned {
            steps: 12,
            done: 0,
            ..
        }
    ));
    let count =
        |kind: fn(&TrainingEvent) -> bool| events.iter().filter(|event| kind(event)).count();
    assert_eq!(
        count(|event| matches!(event, TrainingEvent::Step { .. })),
        12
    );
    assert_eq!(
        count(|event| matches!(event, TrainingEvent::Evaluated(_))),
        4
    );
    assert!(count(|event| matches!(event, TrainingEvent::Checkpoint { .. })) >= 3);
    assert!(matches!(
        events.last(),
        Some(TrainingEvent::Done { steps: 12 })
    ));
    assert!(
        events
            .iter()
            .all(|event| event.to_string().lines().count() == 1)
    );
}

#[test]
fn run_toml_holds_every_value_and_is_a_file_of_settings() {
    let Some(place) = Place::new() else { return };
    let (data, run) = (place.data(), place.path("run"));
    let lora = LoraConfig {
        rank: 4,
        ..LoraConfig::default()
    };
    let tuned = place.run(&data).lora(lora.clone()).run_dir(&run);
    tuned.start().unwrap();
    let file = read_file(&run.join("run.toml")).unwrap();
    let found: TrainSettings = resolve(&[file]).unwrap();
    assert_eq!((found.lora, found.train), (lora, config()));
    assert_eq!(found.model.model, place.model_path("tiny-llama3"));
    assert_eq!(found.data.data, [data.path]);
    assert_eq!(found.out, Some(run.clone()));
    let text = read(&run.join("run.toml"));
    for line in [
        "rank = 4",
        "truncation = \"error\"",
        "adam_epsilon = 0.00000001",
        "format = \"alpaca\"",
    ] {
        assert!(
            text.lines().any(|own| own == line),
            "{line} is not in:\n{text}"
        );
    }
}

#[test]
fn without_a_directory_nothing_is_written() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let tuned = place.run(&data).start().unwrap();
    assert_eq!(tuned.report.done, 12);
    let names: Vec<_> = std::fs::read_dir(place.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["alpaca.jsonl"]);
    // The adapter works at once, on the model it was trained on and on the one that comes with it.
    let model = place.model().with_adapter(&tuned.adapter).unwrap();
    assert_eq!(
        model.chat("Say red.").unwrap(),
        tuned.model.chat("Say red.").unwrap()
    );
}

#[test]
fn an_adapter_of_a_run_loads_as_the_one_it_gave() {
    let Some(place) = Place::new() else { return };
    let tuned = place.in_folder("run");
    let loaded = place
        .model()
        .load_adapter(&place.path("run/adapter"))
        .unwrap();
    let found = loaded.lora().unwrap();
    assert_eq!(
        crate::place::bits(found),
        crate::place::bits(&tuned.adapter)
    );
}
