//! A short run in a folder, and what it leaves there.

use std::collections::BTreeMap;
use std::path::Path;

use idiolect_train::{
    Objective, RunFolder, TrainConfig, TrainError, Trained, Trainer, TrainerEvent,
};

use crate::tiny::{NextToken, Tiny, metrics, random_rows, run_until};

pub(crate) fn config() -> TrainConfig {
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
pub(crate) fn train(
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
pub(crate) fn undisturbed() -> (Vec<u32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let trained = train(folder.path(), &NextToken, &config(), &mut |_| false).unwrap();
    assert!(trained.finished);
    (bits(&trained.module), metrics(folder.path()))
}

pub(crate) fn bits(module: &Tiny) -> Vec<u32> {
    module
        .values()
        .concat()
        .into_iter()
        .map(f32::to_bits)
        .collect()
}
