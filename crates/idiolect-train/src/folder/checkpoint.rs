//! Checkpoints: one folder holds all that a run needs to resume as if it had never stopped.
//!
//! `checkpoints/step-N/` holds `parameters.safetensors` (the trained parameters in f32, by name; of those in less,
//! what they are rounded from),
//! `optimizer.safetensors` (both running means of each, by name), `average.safetensors` where a run keeps a moving
//! average of the parameters, and `state.json`.
//! It is written beside, synced and renamed, so a folder of that name is whole or absent.
//! No random state is kept: all that is random is a function of the seed and the step.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use idiolect_data::{remove_folder, replace_folder};
use idiolect_input::{limits, read_bytes};
use serde::{Deserialize, Serialize};

use super::files::{checksums, write_synced};
use super::stored::StoredConfig;
use super::tensors::{moment_name, moments, read_tensors, unreadable, values, write_tensors};
use crate::TrainError;
use crate::guard::Seen;
use crate::optimizer::AdamWState;
use crate::params::HostTensor;
use crate::report::io;

const PARAMETERS: &str = "parameters.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const AVERAGE: &str = "average.safetensors";
const STATE: &str = "state.json";
/// The files whose checksums the state has; the last is not in every checkpoint.
const TENSORS: [&str; 3] = [PARAMETERS, OPTIMIZER, AVERAGE];

/// What a run needs to resume, apart from its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Optimiser steps done, which is also the place in the plan.
    pub(crate) step: usize,
    /// The run's settings, its seed among them.
    pub(crate) config: StoredConfig,
    /// Fingerprint of the training rows.
    pub(crate) rows: String,
    /// Length of `metrics.jsonl` at that step.
    pub(crate) metrics_bytes: u64,
    /// Length of `timings.jsonl` at that step.
    pub(crate) timings_bytes: u64,
    /// Optimiser steps that each parameter has taken part in.
    pub(crate) parameter_steps: BTreeMap<String, u64>,
    /// What was seen of evaluations.
    #[serde(default)]
    pub(crate) seen: Seen,
    /// What else makes the run, by name; a checkpoint of an earlier version says nothing of it.
    #[serde(default)]
    pub(crate) fixed: Option<BTreeMap<String, String>>,
    /// CRC-32C of the files of tensors.
    #[serde(default)]
    pub(crate) checksums: BTreeMap<String, u32>,
}

/// A whole checkpoint in memory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checkpoint {
    pub(crate) state: State,
    pub(crate) parameters: Vec<HostTensor>,
    pub(crate) optimizer: Vec<AdamWState>,
    /// The moving average of the parameters, where the run keeps one.
    pub(crate) average: Option<Vec<HostTensor>>,
}

/// Writes `folder/step-N`, then removes all but the latest `keep` checkpoints and that of the best
/// evaluation.
pub(crate) fn write(
    folder: &Path,
    checkpoint: &Checkpoint,
    keep: usize,
) -> Result<PathBuf, TrainError> {
    let path = folder.join(format!("step-{}", checkpoint.state.step));
    replace_folder(&path, |beside| fill(beside, checkpoint))?;
    let others = list(folder)?.into_iter().rev().skip(keep);
    for (step, old) in others {
        if checkpoint.state.seen.step != Some(step) {
            remove_folder(&old)?;
        }
    }
    Ok(path)
}

/// Writes the files of a checkpoint.
fn fill(beside: &Path, checkpoint: &Checkpoint) -> Result<(), TrainError> {
    write_tensors(&beside.join(PARAMETERS), values(&checkpoint.parameters))?;
    write_tensors(&beside.join(OPTIMIZER), moments(&checkpoint.optimizer))?;
    if let Some(average) = &checkpoint.average {
        write_tensors(&beside.join(AVERAGE), values(average))?;
    }
    let state = State {
        checksums: checksums(beside, tensors(checkpoint.average.is_some()))?,
        ..checkpoint.state.clone()
    };
    let json = serde_json::to_vec_pretty(&state).map_err(std::io::Error::from);
    let json = json.map_err(|source| io(beside, source))?;
    write_synced(&beside.join(STATE), &json)
}

/// The files of tensors of a checkpoint.
fn tensors(has_average: bool) -> &'static [&'static str] {
    &TENSORS[..if has_average { 3 } else { 2 }]
}

/// The checkpoints of the folder, that of the most steps first.
pub(crate) fn newest_first(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let found = list(folder)?.into_iter().rev();
    Ok(found.map(|(_, path)| path).collect())
}

/// Reads the parameters of one checkpoint.
pub(crate) fn parameters(path: &Path) -> Result<Vec<HostTensor>, TrainError> {
    read_tensors(&path.join(PARAMETERS))
}

/// Reads one checkpoint.
pub(crate) fn read(path: &Path) -> Result<Checkpoint, TrainError> {
    let file = path.join(STATE);
    let json = read_bytes(&file, &limits::RUN_FILE_BYTES);
    let json = json.map_err(|source| io(&file, source))?;
    let state: State =
        serde_json::from_slice(&json).map_err(|source| unreadable(&file, "a state", &source))?;
    check_files(path, &state)?;
    let parameters = parameters(path)?;
    let has_average = state.checksums.contains_key(AVERAGE);
    let average = has_average.then(|| read_tensors(&path.join(AVERAGE)));
    let mut means = by_name(read_tensors(&path.join(OPTIMIZER))?);
    let mut optimizer = Vec::new();
    for (name, &steps) in &state.parameter_steps {
        let mut take = |kind| {
            let key = moment_name(name, kind);
            let missing = || TrainError::Checkpoint {
                path: path.join(OPTIMIZER),
                expected: format!("tensor {key}"),
                found: "none".to_owned(),
            };
            means
                .remove(&key)
                .map(|tensor| tensor.values)
                .ok_or_else(missing)
        };
        let (mean, square) = (take("mean")?, take("square")?);
        optimizer.push(AdamWState {
            name: name.clone(),
            steps,
            mean,
            square,
            master: None,
        });
    }
    Ok(Checkpoint {
        state,
        parameters,
        optimizer,
        average: average.transpose()?,
    })
}

/// Refuses files that are not those which the state was written beside.
fn check_files(path: &Path, state: &State) -> Result<(), TrainError> {
    let step = format!("step-{}", state.step);
    if path.file_name().is_none_or(|name| *name != *step) {
        let found = format!("the state of {step}");
        return Err(unreadable(&path.join(STATE), "its own state", &found));
    }
    if state.checksums.is_empty() {
        return Ok(());
    }
    let has_average = state.checksums.contains_key(AVERAGE);
    for (name, found) in checksums(path, tensors(has_average))? {
        if state.checksums.get(&name) != Some(&found) {
            let expected = "the bytes that were written";
            return Err(unreadable(&path.join(&name), expected, &"others"));
        }
    }
    Ok(())
}

fn by_name(tensors: Vec<HostTensor>) -> BTreeMap<String, HostTensor> {
    tensors
        .into_iter()
        .map(|tensor| (tensor.name.clone(), tensor))
        .collect()
}

/// Whole checkpoints, fewest steps first.
fn list(folder: &Path) -> Result<Vec<(usize, PathBuf)>, TrainError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|source| io(folder, source))? {
        let path = entry.map_err(|source| io(folder, source))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(step) = name.and_then(|name| name.strip_prefix("step-")?.parse().ok()) {
            found.push((step, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}
