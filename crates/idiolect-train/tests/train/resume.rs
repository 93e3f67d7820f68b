//! Runs that are stopped, killed and resumed end as runs that were not.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use idiolect_tokens::TokenRow;
use idiolect_train::{
    Objective, RunFolder, TrainConfig, TrainError, Trained, Trainer, TrainerEvent,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::tiny::{NextToken, Tiny, metrics, random_rows, run, run_until, through};

/// Tells the test's own binary, run again, to train in this folder.
const CHILD: &str = "IDIOLECT_TRAIN_CHILD";

fn config() -> TrainConfig {
    TrainConfig {
        epochs: 3,
        batch_size: 3,
        accumulation: 2,
        learning_rate: 1e-2,
        warmup_steps: 2,
        weight_decay: 0.01,
        checkpoint_every: 4,
        ..TrainConfig::default()
    }
}

/// Trains in a folder, until `stop` says so.
fn train(
    path: &Path,
    objective: &dyn Objective<Tiny>,
    config: &TrainConfig,
    stop: &mut dyn FnMut(&TrainerEvent<'_>) -> bool,
) -> Result<Trained<Tiny>, TrainError> {
    let (rows, held_out) = (random_rows(40, 5), random_rows(7, 6));
    let nothing = BTreeMap::new();
    let trainer = Trainer {
        held_out: &held_out,
        folder: Some(RunFolder {
            path,
            resume: true,
            fixed: &nothing,
        }),
        ..Trainer::new(config, objective, &rows, 0)
    };
    run_until(&trainer, Tiny::random(9), stop)
}

/// The parameters, bit by bit, and the metrics of a run that nothing stopped.
fn undisturbed() -> (Vec<u32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let trained = train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap();
    assert!(trained.finished);
    (bits(&trained.module), metrics(folder.path()))
}

fn bits(module: &Tiny) -> Vec<u32> {
    module
        .values()
        .concat()
        .into_iter()
        .map(f32::to_bits)
        .collect()
}

fn checkpoints(path: &Path) -> Vec<String> {
    let folder = std::fs::read_dir(path.join("checkpoints")).unwrap();
    let mut names: Vec<String> = folder
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn metrics_hold_step_and_evaluation_rows_and_no_clock() {
    let (_, metrics) = undisturbed();
    let rows: Vec<serde_json::Value> = metrics
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let keys = |row: &serde_json::Value| {
        row.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let (steps, evaluations): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row.get("loss").is_some());
    assert!(
        steps
            .iter()
            .all(|row| keys(row) == "step epoch loss lr grad_norm trained_tokens")
    );
    assert!(
        evaluations
            .iter()
            .all(|row| keys(row) == "step epoch eval_loss eval_tokens")
    );
    let epochs: Vec<f64> = evaluations
        .iter()
        .map(|row| row["epoch"].as_f64().unwrap())
        .collect();
    assert_eq!(epochs, [1.0, 2.0, 3.0]);
    let numbers: Vec<u64> = steps
        .iter()
        .map(|row| row["step"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(steps[0]["lr"], serde_json::json!(0.0));
}

#[test]
fn a_run_that_its_callback_ends_goes_on_where_it_was() {
    let expected = undisturbed();
    let folder = tempfile::tempdir().unwrap();
    let mut stops = 0;
    let trained = loop {
        let mut steps = 0;
        let mut stop = |event: &TrainerEvent<'_>| {
            steps += usize::from(matches!(event, TrainerEvent::Step { .. }));
            steps == 3
        };
        let trained = train(folder.path(), &NextToken, &config(), &mut stop).unwrap();
        if trained.finished {
            break trained;
        }
        stops += 1;
    };
    assert!(stops > 3);
    assert_eq!((bits(&trained.module), metrics(folder.path())), expected);

    let again = train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap();
    assert!(again.finished);
    assert_eq!((bits(&again.module), metrics(folder.path())), expected);
}

#[test]
fn a_run_is_cancelled_from_outside_after_the_step_it_is_in() {
    let (cancel, config, rows) = (AtomicBool::new(false), config(), random_rows(40, 5));
    let trainer = Trainer {
        cancel: Some(&cancel),
        ..Trainer::new(&config, &NextToken, &rows, 0)
    };
    let trained = trainer.run(Tiny::random(9), &mut |event| {
        if let TrainerEvent::Step { row, .. } = event {
            cancel.store(row.step == 5, Ordering::Relaxed);
        }
        ControlFlow::Continue(())
    });
    let trained = trained.unwrap();
    assert_eq!((trained.steps, trained.finished), (5, false));
}

#[test]
fn a_run_of_version_0_1_0_goes_on() {
    let expected = undisturbed();
    let folder = tempfile::tempdir().unwrap();
    let mut stop =
        |event: &TrainerEvent<'_>| matches!(event, TrainerEvent::Checkpoint { step: 8, .. });
    train(folder.path(), &NextToken, &config(), &mut stop).unwrap();
    // It named Adam's settings otherwise.
    let state = folder.path().join("checkpoints/step-8/state.json");
    let text = std::fs::read_to_string(&state).unwrap();
    assert!(text.contains("\"adam_beta1\""), "{text}");
    std::fs::write(&state, text.replace("\"adam_", "\"")).unwrap();
    let mut first = None;
    let mut note = |event: &TrainerEvent<'_>| {
        if let TrainerEvent::Planned { done, .. } = event {
            first = Some(*done);
        }
        false
    };
    let trained = train(folder.path(), &NextToken, &config(), &mut note).unwrap();
    assert_eq!(first, Some(8));
    assert_eq!((bits(&trained.module), metrics(folder.path())), expected);
}

#[test]
fn a_failed_step_and_a_torn_line_are_done_again() {
    let expected = undisturbed();
    let folder = tempfile::tempdir().unwrap();
    let mut stop =
        |event: &TrainerEvent<'_>| matches!(event, TrainerEvent::Checkpoint { step: 8, .. });
    train(folder.path(), &NextToken, &config(), &mut stop).unwrap();
    // What a killed process may leave: rows after the checkpoint, half a row, half a checkpoint.
    let torn = metrics(folder.path()) + "{\"step\":9,\"epoch\":1.3}\n{\"step\":1";
    std::fs::write(folder.path().join("metrics.jsonl"), torn).unwrap();
    let half = folder.path().join("checkpoints/.step-12.tmp");
    std::fs::create_dir(&half).unwrap();
    std::fs::write(half.join("state.json"), "{").unwrap();
    let trained = train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap();
    assert_eq!((bits(&trained.module), metrics(folder.path())), expected);
}

#[test]
fn the_last_checkpoints_and_the_best_stay() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap();
    // The held-out loss was lowest after the first epoch.
    assert_eq!(checkpoints(folder.path()), ["step-20", "step-21", "step-7"]);
    let none = TrainConfig {
        checkpoint_every: 0,
        ..config()
    };
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &NextToken, &none, &mut |_| false).unwrap();
    assert!(checkpoints(folder.path()).is_empty());
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    train(path, &NextToken, &config(), &mut |_| false).unwrap();
    let refused = |config: &TrainConfig| {
        train(path, &NextToken, config, &mut |_| false)
            .unwrap_err()
            .to_string()
    };
    let error = refused(&TrainConfig {
        learning_rate: 0.5,
        ..config()
    });
    assert!(error.ends_with("step-21: expected learning_rate 0.5, found learning_rate 0.01"));
    let error = refused(&TrainConfig {
        seed: 1,
        ..config()
    });
    assert!(error.contains("expected seed 1, found seed 42"));

    let (rows, other, config) = (random_rows(40, 5), random_rows(40, 8), config());
    let nothing = BTreeMap::new();
    let resumed = |rows: &[TokenRow], resume| {
        let folder = Some(RunFolder {
            path,
            resume,
            fixed: &nothing,
        });
        let trainer = Trainer {
            folder,
            ..Trainer::new(&config, &NextToken, &rows, 0)
        };
        run(&trainer, Tiny::random(9)).unwrap_err().to_string()
    };
    assert!(resumed(&other, true).contains("expected training rows"));
    assert!(resumed(&rows, false).contains("expected a folder without checkpoints"));

    let metrics = path.join("metrics.jsonl");
    std::fs::write(&metrics, "").unwrap();
    assert!(resumed(&rows, true).contains("metrics.jsonl: expected the"));
}

/// The error of a run that resumes from a checkpoint which `spoil` has changed.
fn spoilt(spoil: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap();
    spoil(&folder.path().join("checkpoints/step-21"));
    let error = train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap_err();
    assert!(matches!(error, TrainError::Checkpoint { .. }), "{error:?}");
    error.to_string()
}

/// Changes the text of a checkpoint's state.
fn edit(step: &Path, change: impl FnOnce(String) -> String) {
    let path = step.join("state.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, change(text)).unwrap();
}

#[test]
fn a_damaged_checkpoint_is_refused_by_its_file() {
    for name in ["parameters.safetensors", "optimizer.safetensors"] {
        let error = spoilt(|step| {
            let mut bytes = std::fs::read(step.join(name)).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(step.join(name), bytes).unwrap();
        });
        let expected = format!("{name}: expected the bytes that were written, found others");
        assert!(error.ends_with(&expected), "{error}");
    }
    let error = spoilt(|step| {
        std::fs::write(step.join("parameters.safetensors"), "short").unwrap();
        edit(step, |text| {
            // As a version wrote it that knew no checksums.
            let mut state: serde_json::Value = serde_json::from_str(&text).unwrap();
            state.as_object_mut().unwrap().remove("checksums");
            state.to_string()
        });
    });
    assert!(error.contains("expected a safetensors file"), "{error}");
    let error = spoilt(|step| {
        edit(step, |text| text.replace("\"step\": 21", "\"step\": 20"));
    });
    assert!(error.ends_with("found the state of step-20"), "{error}");
}

#[test]
fn a_run_of_another_model_or_adapter_does_not_resume() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, config) = (random_rows(40, 5), config());
    let start = |fixed: &[(&str, &str)]| {
        let fixed = fixed
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let fixed: BTreeMap<String, String> = fixed.collect();
        let trainer = Trainer {
            folder: Some(RunFolder {
                path: folder.path(),
                resume: true,
                fixed: &fixed,
            }),
            ..Trainer::new(&config, &NextToken, &rows, 0)
        };
        run(&trainer, Tiny::random(9)).map_err(|error| error.to_string())
    };
    start(&[("alpha", "16"), ("model", "a")]).unwrap();
    start(&[("alpha", "16"), ("model", "a")]).unwrap();
    let error = start(&[("alpha", "32"), ("model", "a")]).unwrap_err();
    assert!(
        error.ends_with("expected alpha 32, found alpha 16"),
        "{error}"
    );
    let error = start(&[("alpha", "16")]).unwrap_err();
    assert!(
        error.ends_with("expected no model, found model a"),
        "{error}"
    );
}

#[test]
fn a_folder_in_use_is_refused_and_the_run_in_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut second = None;
    let first = train(folder.path(), &NextToken, &config(), &mut |event| {
        if second.is_none() && matches!(event, TrainerEvent::Step { .. }) {
            second = Some(train(folder.path(), &NextToken, &config(), &mut |_| false));
        }
        false
    });
    let error = second.unwrap().unwrap_err();
    assert!(matches!(error, TrainError::InUse(_)), "{error:?}");
    assert_eq!(
        (bits(&first.unwrap().module), metrics(folder.path())),
        undisturbed()
    );
}

/// No test by itself: what `a_killed_process_resumes_to_the_same_bytes` starts and kills.
#[test]
fn child() {
    if let Some(folder) = std::env::var_os(CHILD) {
        // Slow enough to be killed in the middle.
        let slow = through(|_, compute| {
            std::thread::sleep(Duration::from_millis(8));
            compute()
        });
        train(Path::new(&folder), &slow, &config(), &mut |_| false).unwrap();
    }
}

#[test]
fn a_killed_process_resumes_to_the_same_bytes() {
    let expected = undisturbed();
    let mut random = ChaCha8Rng::seed_from_u64(4);
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..3 {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "resume::child"])
                .env(CHILD, folder.path())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(random.random_range(40..300)));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let trained = train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap();
        assert_eq!((bits(&trained.module), metrics(folder.path())), expected);
    }
}
