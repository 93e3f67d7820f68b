//! Evaluation while training: how often, when it ends a run, which parameters it leaves, and all of that
//! over interruptions.

use std::collections::BTreeMap;
use std::path::Path;

use idiolect_train::{AdamW, RateRatio, RunFolder, TrainConfig, Trained, Trainer, TrainerEvent};
use serde_json::Value;

use crate::tiny::{
    NextToken, Through, Tiny, metrics, random_rows, run, run_until, through, values,
};

/// Overfits within a few steps.
fn config() -> TrainConfig {
    TrainConfig {
        epochs: 12,
        batch_size: 4,
        accumulation: 1,
        learning_rate: 0.1,
        checkpoint_every: 4,
        eval_every: 3,
        ..TrainConfig::default()
    }
}

/// Trains in a folder until `stop` says so, with a count of right tokens.
fn train(
    path: &Path,
    config: &TrainConfig,
    stop: &mut dyn FnMut(&TrainerEvent<'_>) -> bool,
) -> Trained<Tiny> {
    let (rows, held_out) = (random_rows(24, 5), random_rows(7, 6));
    let counting = Through {
        correct: |loss| Some(loss.trained_tokens / 2),
        ..through(|_, compute| compute())
    };
    let nothing = BTreeMap::new();
    let trainer = Trainer {
        held_out: &held_out,
        folder: Some(RunFolder {
            path,
            resume: true,
            fixed: &nothing,
        }),
        ..Trainer::new(config, &counting, &rows, 0)
    };
    run_until(&trainer, Tiny::random(9), stop).unwrap()
}

fn evaluations(path: &Path) -> Vec<(u64, f64)> {
    let rows = metrics(path);
    let rows = rows
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row.get("eval_loss").is_some())
        .map(|row| {
            assert!(
                (0.3..0.51).contains(&row["eval_accuracy"].as_f64().unwrap()),
                "{row}"
            );
            (
                row["step"].as_u64().unwrap(),
                row["eval_loss"].as_f64().unwrap(),
            )
        })
        .collect()
}

#[test]
fn rows_are_evaluated_every_few_steps_and_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig {
        max_steps: Some(8),
        eval_on_start: true,
        ..config()
    };
    let trained = train(folder.path(), &config, &mut |_| false);
    let found = evaluations(folder.path());
    let steps: Vec<u64> = found.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [0, 3, 6, 8]);
    // The one before the first step is no result of training.
    let found = &found[1..];
    let best = trained.best.unwrap();
    let lowest = found.iter().map(|(_, loss)| *loss).fold(f64::MAX, f64::min);
    assert!((best.eval_loss - lowest).abs() < 1e-12);
}

#[test]
fn a_run_ends_with_its_patience_and_gives_its_best_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let config = TrainConfig {
        patience: Some(3),
        return_best: true,
        ..config()
    };
    let trained = train(path, &config, &mut |_| false);
    let best = trained.best.unwrap();
    assert!(trained.finished);
    assert_eq!(trained.steps, best.step + 9);
    assert!(trained.steps < 72, "the run did not overfit");
    let kept = path.join(format!("checkpoints/step-{}", best.step));
    assert!(kept.is_dir());

    // The parameters are those that the run had then.
    let until = TrainConfig {
        max_steps: None,
        patience: None,
        return_best: false,
        ..config.clone()
    };
    let other = tempfile::tempdir().unwrap();
    let mut stop = |event: &TrainerEvent<'_>| matches!(event, TrainerEvent::Step { row, .. } if row.step == best.step);
    let then = train(other.path(), &until, &mut stop);
    assert_eq!(trained.module.values(), then.module.values());

    // A finished run stays finished.
    let again = train(path, &config, &mut |_| false);
    assert_eq!((again.steps, again.finished), (trained.steps, true));
    assert_eq!(again.module.values(), trained.module.values());
}

#[test]
fn an_interrupted_run_has_the_patience_and_the_best_of_an_undisturbed_one() {
    let (whole, part) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = TrainConfig {
        patience: Some(4),
        return_best: true,
        eval_on_start: true,
        ..config()
    };
    let expected = train(whole.path(), &config, &mut |_| false);
    let found = loop {
        let mut steps = 0;
        let mut stop = |event: &TrainerEvent<'_>| {
            steps += usize::from(matches!(event, TrainerEvent::Step { .. }));
            steps == 2
        };
        let trained = train(part.path(), &config, &mut stop);
        if trained.finished {
            break trained;
        }
    };
    assert_eq!(found.module.values(), expected.module.values());
    assert_eq!((found.best, found.steps), (expected.best, expected.steps));
    assert_eq!(metrics(part.path()), metrics(whole.path()));
}

#[test]
fn waiting_for_evaluations_needs_held_out_rows() {
    let rows = random_rows(8, 1);
    let settings = [
        TrainConfig {
            patience: Some(1),
            ..TrainConfig::default()
        },
        TrainConfig {
            return_best: true,
            ..TrainConfig::default()
        },
        TrainConfig {
            eval_every: 5,
            ..TrainConfig::default()
        },
        TrainConfig {
            eval_on_start: true,
            ..TrainConfig::default()
        },
    ];
    for (config, name) in
        settings
            .iter()
            .zip(["patience", "return_best", "eval_every", "eval_on_start"])
    {
        let trainer = Trainer::new(config, &NextToken, &rows, 0);
        let error = run(&trainer, Tiny::random(1)).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("{name}: expected held-out rows to evaluate, found none")
        );
    }
}

#[test]
fn a_rate_of_its_own_moves_a_parameter_as_that_rate_does() {
    let rows = random_rows(8, 2);
    let step = |learning_rate: f64, rate_ratios: Vec<RateRatio>| {
        let config = TrainConfig {
            epochs: 1,
            max_steps: Some(1),
            learning_rate,
            weight_decay: 0.1,
            rate_ratios,
            ..TrainConfig::default()
        };
        let trainer = Trainer::new(&config, &NextToken, &rows, 0);
        let module = run(&trainer, Tiny::random(3)).unwrap().0.module;
        [values(&module.embedding.val()), values(&module.head.val())]
    };
    let own = RateRatio {
        field: "head".to_owned(),
        ratio: 16.0,
    };
    let [embedding, head] = step(1e-3, vec![own.clone()]);
    assert_eq!(embedding, step(1e-3, Vec::new())[0]);
    assert_eq!(head, step(16e-3, Vec::new())[1]);
    let config = TrainConfig {
        rate_ratios: vec![own.clone()],
        ..TrainConfig::default()
    };
    assert_eq!(AdamW::new(&config).rate_ratios, [own]);
    let zero = RateRatio {
        field: "head".to_owned(),
        ratio: 0.0,
    };
    let config = TrainConfig {
        rate_ratios: vec![zero],
        ..TrainConfig::default()
    };
    assert!(
        config
            .validate()
            .unwrap_err()
            .to_string()
            .contains("rate_ratios: expected above 0")
    );
}
