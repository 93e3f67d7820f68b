//! A run that was stopped and resumed ends as one that was not.

use std::sync::atomic::{AtomicBool, Ordering};

use idiolect_finetune::{FineTune, FineTuneError, TrainingEvent};

use crate::place::{Place, bits, config, read};

#[test]
fn a_stopped_run_that_resumes_ends_as_a_whole_one() {
    let Some(place) = Place::new() else { return };
    let whole = place.in_folder("whole");
    let data = place.data();
    let stop = AtomicBool::new(false);
    let mut stops = 0;
    let part = loop {
        stop.store(false, Ordering::Relaxed);
        let mut steps = 0;
        let run = place
            .run(&data)
            .run_dir(place.path("part"))
            .resume(stops > 0);
        let run = run.stop_when(&stop).on_event(|event| {
            steps += usize::from(matches!(event, TrainingEvent::Step { .. }));
            if steps == 5 {
                stop.store(true, Ordering::Relaxed);
            }
        });
        match run.start() {
            Ok(tuned) => break tuned,
            Err(FineTuneError::Stopped { steps, kept }) => {
                assert_eq!((steps, kept), (5 * (stops + 1), true));
            }
            Err(error) => panic!("{error}"),
        }
        assert!(!place.path("part/adapter").exists());
        stops += 1;
    };
    assert_eq!(stops, 2);
    assert_eq!((part.report.done, part.report.steps.len()), (12, 2));
    assert_eq!(bits(&part.adapter), bits(&whole.adapter));
    for file in [
        "metrics.jsonl",
        "adapter/adapter_model.safetensors",
        "adapter/adapter_config.json",
        "curves.svg",
    ] {
        let [part, whole] = ["part", "whole"].map(|run| place.bytes(&format!("{run}/{file}")));
        assert!(part == whole, "{file}");
    }
}

#[test]
fn a_directory_of_another_run_is_refused_and_stays_what_it_was() {
    let Some(place) = Place::new() else { return };
    place.in_folder("run");
    let data = place.data();
    let run = || place.run(&data).run_dir(place.path("run"));
    let before = read(&place.path("run/run.toml"));
    let error = run().start().unwrap_err().to_string();
    assert!(
        error.contains("checkpoints/step-12: expected a folder without checkpoints"),
        "{error}"
    );
    let other = idiolect_train::TrainConfig {
        learning_rate: 1e-3,
        ..config()
    };
    let error = run()
        .config(other)
        .resume(true)
        .start()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected a run with learning_rate 0.001"),
        "{error}"
    );
    assert_eq!(read(&place.path("run/run.toml")), before);
    // The run itself is done, and says so again.
    let again = run().resume(true).start().unwrap();
    assert_eq!((again.report.done, again.report.steps.len()), (12, 0));
}

#[test]
fn a_run_without_a_directory_stops_too() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let stop = AtomicBool::new(true);
    let run = FineTune::new(&place.model(), &data)
        .config(config())
        .stop_when(&stop);
    assert!(matches!(
        run.start(),
        Err(FineTuneError::Stopped {
            steps: 0,
            kept: false
        })
    ));
}
