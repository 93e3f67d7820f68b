//! Checkpoints: which stay, and which a run does not resume from.

use std::collections::BTreeMap;
use std::path::Path;

use idiolect_tokens::TokenRow;
use idiolect_train::{RunFolder, TrainConfig, TrainError, Trainer, TrainerEvent};

use crate::in_folder::{bits, config, train, undisturbed};
use crate::tiny::{NextToken, Tiny, metrics, random_rows, run};

fn checkpoints(path: &Path) -> Vec<String> {
    let folder = std::fs::read_dir(path.join("checkpoints")).unwrap();
    let mut names: Vec<String> = folder
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
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
    assert!(error.contains("step-21: expected a run with learning_rate 0.5, as asked, found one with learning_rate 0.01"));
    assert!(
        error.ends_with("; what it was begun with resumes it, or another folder begins a new one")
    );
    let error = refused(&TrainConfig {
        seed: 1,
        ..config()
    });
    assert!(error.contains("expected a run with seed 1, as asked, found one with seed 42"));

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
    assert!(resumed(&other, true).contains("expected a run with training rows"));
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
    let TrainError::Damaged {
        damage,
        newest,
        good,
    } = error
    else {
        return format!("not damaged: {error}");
    };
    let [newest, good] = [newest, good.unwrap()].map(|path| path.display().to_string());
    assert!(
        newest.ends_with("step-21") && good.ends_with("step-20"),
        "{good}"
    );
    damage.to_string()
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
fn a_pipe_in_the_place_of_a_file_of_a_run_is_refused_and_not_waited_for() {
    for name in [
        "state.json",
        "parameters.safetensors",
        "optimizer.safetensors",
    ] {
        let mut is_pipe = false;
        let error = spoilt(|step| is_pipe = idiolect_testkit::pipe(&step.join(name)));
        let told = error.contains(name) && error.ends_with("expected a regular file, found a pipe");
        assert!(told || !is_pipe, "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    if idiolect_testkit::pipe(&folder.path().join("metrics.jsonl")) {
        let error = train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("metrics.jsonl"), "{error}");
        assert!(
            error.ends_with("expected a regular file, found a pipe"),
            "{error}"
        );
    }
}

#[test]
fn the_last_good_checkpoint_is_offered_and_resumes() {
    let expected = undisturbed();
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap();
    let newest = folder.path().join("checkpoints/step-21");
    std::fs::write(newest.join("state.json"), "{").unwrap();
    let error = train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap_err();
    let (error, shown) = (error.to_string(), newest.display());
    assert!(
        error.starts_with(&format!("{shown}/state.json: expected a state")),
        "{error}"
    );
    let offer = format!("step-20: delete {shown} and resume from it");
    assert!(error.ends_with(&offer), "{error}");
    std::fs::remove_dir_all(&newest).unwrap();
    let trained = train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap();
    assert_eq!(bits(&trained.module), expected.0);
    // Where none is left, the offer is to begin anew.
    for step in checkpoints(folder.path()) {
        std::fs::remove_file(
            folder
                .path()
                .join("checkpoints")
                .join(step)
                .join("state.json"),
        )
        .unwrap();
    }
    let error = train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("no other checkpoint is good") && error.ends_with("to begin anew"),
        "{error}"
    );
}

#[test]
fn what_a_killed_process_left_is_no_checkpoint_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap();
    let before = checkpoints(folder.path());
    for left in [".step-22.tmp", ".gone-step-3.tmp"] {
        let left = folder.path().join("checkpoints").join(left);
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("state.json"), "{").unwrap();
    }
    train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap();
    let entries = std::fs::read_dir(folder.path().join("checkpoints")).unwrap();
    assert_eq!(entries.count(), before.len());
    assert_eq!(checkpoints(folder.path()), before);
}

#[test]
fn a_value_that_is_no_number_is_refused_by_file_and_tensor() {
    let error = spoilt(|step| {
        let path = step.join("parameters.safetensors");
        let mut bytes = std::fs::read(&path).unwrap();
        let end = bytes.len() - 4;
        bytes[end..].copy_from_slice(&f32::NAN.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        edit(step, |text| {
            let mut state: serde_json::Value = serde_json::from_str(&text).unwrap();
            state.as_object_mut().unwrap().remove("checksums");
            state.to_string()
        });
    });
    assert!(
        error.contains("parameters.safetensors: expected finite values in "),
        "{error}"
    );
    assert!(error.contains("found NaN at place "), "{error}");
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
        error.contains("expected a run with alpha 32, as asked, found one with alpha 16"),
        "{error}"
    );
    let error = start(&[("alpha", "16")]).unwrap_err();
    assert!(
        error.contains("expected a run with no model, as asked, found one with model a"),
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
