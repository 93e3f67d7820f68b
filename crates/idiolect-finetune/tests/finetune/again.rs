//! Any number of runs in one process, and runs after an error.

use idiolect_data::Dataset;
use idiolect_finetune::{FineTune, FineTuneSettings, TrainingEvent, Truncation};
use idiolect_train::TrainConfig;
use serde_json::json;

use crate::place::{Place, bits, config};

#[test]
fn two_runs_in_one_process_are_the_same_run() {
    let Some(place) = Place::new() else { return };
    let [one, two] = ["one", "two"].map(|name| place.in_folder(name));
    assert_eq!(bits(&one.adapter), bits(&two.adapter));
    assert_eq!(one.report.steps, two.report.steps);
    for file in ["metrics.jsonl", "adapter/adapter_model.safetensors"] {
        let [one, two] = ["one", "two"].map(|run| place.bytes(&format!("{run}/{file}")));
        assert!(one == two, "{file}");
    }
}

#[test]
fn a_run_after_an_error_works_in_the_same_directory() {
    let Some(place) = Place::new() else { return };
    let model = place.model();
    let long = json!({"instruction": "Say it.", "input": "", "output": "x ".repeat(400)});
    let path = place.lines(
        "long.jsonl",
        &[vec![long], crate::place::examples()].concat(),
    );
    let data = Dataset::open(&path).unwrap();
    let run = |truncation| {
        let settings = FineTuneSettings {
            max_length: Some(100),
            truncation,
            ..FineTuneSettings::default()
        };
        let run = FineTune::new(&model, &data)
            .config(config())
            .settings(settings);
        run.run_dir(place.path("run"))
    };
    let error = run(Truncation::Error).start().unwrap_err().to_string();
    assert!(error.contains("100"), "{error}");
    let mut lines = Vec::new();
    let tuned = run(Truncation::Drop).on_event(|event| lines.push(event.to_string()));
    let tuned = tuned.start().unwrap();
    assert_eq!(tuned.report.done, 12);
    assert_eq!(lines[0], "rows that were too long: 1 left out, 0 truncated");
    assert_eq!(
        bits(&tuned.adapter),
        bits(&place.in_folder("plain").adapter)
    );
}

#[test]
fn runs_at_the_same_time_do_not_disturb_each_other() {
    let Some(place) = Place::new() else { return };
    let alone = place.in_folder("alone");
    let found = std::thread::scope(|scope| {
        let threads = ["left", "right"].map(|name| {
            let place = &place;
            scope.spawn(move || place.in_folder(name))
        });
        threads.map(|thread| thread.join().unwrap())
    });
    for tuned in found {
        assert_eq!(bits(&tuned.adapter), bits(&alone.adapter));
    }
}

#[test]
fn rows_with_an_empty_response_and_few_steps_are_told() {
    let Some(place) = Place::new() else { return };
    let empty = json!({"id": "none", "instruction": "Say it.", "input": "", "output": ""});
    let path = place.lines(
        "empty.jsonl",
        &[crate::place::examples(), vec![empty]].concat(),
    );
    let (model, data) = (place.model(), Dataset::open(&path).unwrap());
    let (mut told, mut few) = (None, None);
    let run = FineTune::new(&model, &data).config(config());
    let run = run.on_event(|event| match event {
        TrainingEvent::ResponsesEmpty { rows, first } => told = Some((rows, first)),
        TrainingEvent::FewSteps { steps } => few = Some(steps),
        _ => {}
    });
    let done = run.start().unwrap().report.done;
    assert_eq!(told, Some((1, "none".to_owned())));
    assert_eq!(few, Some(done));
    // So many were asked for.
    let asked = TrainConfig {
        max_steps: Some(2),
        ..config()
    };
    let run = FineTune::new(&model, &data).config(asked);
    let run = run.on_event(|event| assert!(!matches!(event, TrainingEvent::FewSteps { .. })));
    run.start().unwrap();
}
