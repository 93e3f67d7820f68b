//! Runs that are stopped, killed and resumed end as runs that were not.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use idiolect_train::{Trainer, TrainerEvent};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::in_folder::{bits, config, train, undisturbed};
use crate::tiny::{NextToken, Tiny, metrics, random_rows, through};

/// Tells the test's own binary, run again, to train in this folder.
const CHILD: &str = "IDIOLECT_TRAIN_CHILD";

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
