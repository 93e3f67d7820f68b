//! Runs from settings alone, as a program makes them of a file and its command line.

use idiolect_data::settings::{Layer, read_file, resolve};
use idiolect_finetune::{Hooks, TrainOutcome, TrainSettings, plan, train};
use serde_json::Value;

use crate::place::{Place, bits, read};

fn settings(place: &Place, more: &str) -> TrainSettings {
    let data = place.data().path;
    let text = format!(
        "model = {:?}\ndata = \"{}\"\nepochs = 4\nbatch_size = 2\naccumulation = 2\n\
         learning_rate = 2e-3\ncheckpoint_every = 4\n{more}",
        place.model_path("tiny-llama3"),
        data.display(),
    );
    let path = place.path("settings.toml");
    std::fs::write(&path, text).unwrap();
    resolve::<TrainSettings>(&[read_file(&path).unwrap()]).unwrap()
}

#[test]
fn settings_train_what_the_value_trains() {
    let Some(place) = Place::new() else { return };
    let mut settings = settings(&place, "");
    settings.out = Some(place.path("job"));
    let mut lines = 0;
    let hooks = Hooks {
        on_event: Box::new(|_| lines += 1),
        ..Hooks::default()
    };
    let TrainOutcome::Adapter(found) = train(&settings, hooks).unwrap() else {
        panic!("an adapter")
    };
    assert!(lines > 12);
    assert_eq!(
        bits(&found.adapter),
        bits(&place.in_folder("value").adapter)
    );
    assert_eq!(
        place.bytes("job/metrics.jsonl"),
        place.bytes("value/metrics.jsonl")
    );
    // What a run resolved to is itself a file of settings, of the same run.
    let again = resolve::<TrainSettings>(&[
        read_file(&place.path("job/run.toml")).unwrap(),
        Layer {
            name: "test".to_owned(),
            values: toml::from_str(&format!("out = {:?}", place.path("again"))).unwrap(),
        },
    ]);
    train(&again.unwrap(), Hooks::default()).unwrap();
    assert_eq!(
        place.bytes("again/metrics.jsonl"),
        place.bytes("job/metrics.jsonl")
    );
}

#[test]
fn a_plan_is_that_of_the_run() {
    let Some(place) = Place::new() else { return };
    for (name, more) in [
        ("adapter", "packing = true\nmax_length = 64\n"),
        ("whole", "modules_to_save = [\"embed_tokens\"]\n"),
        ("full", "full = true\n"),
    ] {
        let mut settings = settings(&place, &format!("max_steps = 1\n{more}"));
        let found = serde_json::to_value(plan(&settings).unwrap()).unwrap();
        settings.out = Some(place.path(name));
        train(&settings, Hooks::default()).unwrap();
        let written = read(&place.path(&format!("{name}/plan.json")));
        let mut plans = [found, serde_json::from_str::<Value>(&written).unwrap()];
        for plan in &mut plans {
            plan["available_bytes"].take();
        }
        assert_eq!(plans[0], plans[1], "{name}");
    }
}

#[test]
fn a_job_needs_a_model_data_and_a_directory() {
    let Some(place) = Place::new() else { return };
    let refused =
        |settings: &TrainSettings| train(settings, Hooks::default()).unwrap_err().to_string();
    let whole = settings(&place, "");
    assert_eq!(
        refused(&whole),
        "out: expected a run directory, found nothing"
    );
    let mut settings = whole;
    settings.out = Some(place.path("run"));
    settings.data.data = Vec::new();
    assert!(
        refused(&settings).contains("data: expected"),
        "{}",
        refused(&settings)
    );
    settings.model.model = String::new();
    let both = "model, data: expected a value for each, found nothing";
    assert_eq!(refused(&settings), both);
    assert!(!place.path("run").exists());
}
