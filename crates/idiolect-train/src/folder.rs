//! A run's folder: its two logs, its checkpoints, and how a run resumes from it.

mod checkpoint;
mod difference;
mod files;
mod masters;
mod stored;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use idiolect_data::remove_unfinished;

use crate::guard::{Seen, Watch};
use crate::report::{EvaluationRow, Log, StepRow, TimingRow, io};
use crate::{AdamW, Rows, TrainConfig, TrainError, params};
use checkpoint::{Checkpoint, State};
use difference::{difference, other_fixed};
use masters::{give_masters, held};
use stored::StoredConfig;

/// Where a run keeps its files.
#[derive(Debug, Clone, Copy)]
pub struct RunFolder<'a> {
    /// The folder; it is made if it is not there.
    pub path: &'a Path,
    /// Whether to go on from the latest checkpoint. Without one the run starts anew.
    /// A run that does not resume refuses a folder that holds checkpoints.
    pub resume: bool,
    /// What else makes the run, by name: the model, what is trained of it. A checkpoint keeps it, and a run that
    /// resumes must have the same. May be empty.
    pub fixed: &'a BTreeMap<String, String>,
}

/// The open folder of a run.
#[derive(Debug)]
pub(crate) struct Store {
    checkpoints: PathBuf,
    metrics: Log,
    timings: Log,
    config: TrainConfig,
    rows: String,
    fixed: BTreeMap<String, String>,
    /// Step of the latest checkpoint.
    saved: Option<usize>,
}

impl Store {
    /// Opens the folder, and reads the checkpoint to go on from where there is one.
    pub(crate) fn open(
        folder: RunFolder<'_>,
        config: &TrainConfig,
        rows: &dyn Rows,
    ) -> Result<(Self, Option<Checkpoint>), TrainError> {
        let checkpoints = folder.path.join("checkpoints");
        std::fs::create_dir_all(&checkpoints).map_err(|source| io(&checkpoints, source))?;
        let newest_first = checkpoint::newest_first(&checkpoints)?;
        if let (Some(path), false) = (newest_first.first(), folder.resume) {
            return Err(TrainError::Checkpoint {
                path: path.clone(),
                expected: "a folder without checkpoints, or the option resume".to_owned(),
                found: "a checkpoint".to_owned(),
            });
        }
        let rows = rows.fingerprint();
        let found = resumed(&newest_first, &|path| {
            found(path, config, &rows, folder.fixed)
        })?;
        let state = found.as_ref().map(|checkpoint| &checkpoint.state);
        let bytes = state.map_or((0, 0), |state| (state.metrics_bytes, state.timings_bytes));
        let store = Self {
            checkpoints: checkpoints.clone(),
            metrics: Log::open(folder.path.join("metrics.jsonl"), bytes.0)?,
            timings: Log::open(folder.path.join("timings.jsonl"), bytes.1)?,
            config: config.clone(),
            rows,
            fixed: folder.fixed.clone(),
            saved: state.map(|state| state.step),
        };
        // Only now is it certain that no other process is at work here.
        remove_unfinished(&checkpoints)?;
        Ok((store, found))
    }

    /// Notes what a step computed and what it cost.
    pub(crate) fn log_step(&mut self, row: &StepRow, timing: &TimingRow) -> Result<(), TrainError> {
        self.metrics.append(row)?;
        self.timings.append(timing)
    }

    /// Notes what an evaluation computed.
    pub(crate) fn log_evaluation(&mut self, row: &EvaluationRow) -> Result<(), TrainError> {
        self.metrics.append(row)
    }

    /// Writes a checkpoint, unless the latest is of this step; none where the settings want none.
    pub(crate) fn save<M: Module>(
        &mut self,
        (step, seen): (usize, &Seen),
        module: &M,
        optimizer: &AdamW,
    ) -> Result<Option<PathBuf>, TrainError> {
        if self.config.checkpoint_every == 0 || self.saved == Some(step) {
            return Ok(None);
        }
        let mut optimizer = optimizer.state();
        let steps = optimizer
            .iter()
            .map(|state| (state.name.clone(), state.steps));
        let state = State {
            step,
            config: StoredConfig(self.config.clone()),
            rows: self.rows.clone(),
            metrics_bytes: self.metrics.sync()?,
            timings_bytes: self.timings.sync()?,
            parameter_steps: steps.collect(),
            seen: seen.clone(),
            fixed: Some(self.fixed.clone()),
            checksums: BTreeMap::new(),
        };
        let parameters = held(module, &mut optimizer);
        let checkpoint = Checkpoint {
            state,
            parameters,
            optimizer,
        };
        let path = checkpoint::write(&self.checkpoints, &checkpoint, self.config.keep_checkpoints)?;
        self.saved = Some(step);
        Ok(Some(path))
    }

    /// Takes up what a checkpoint has seen of evaluations, with the best one's parameters where
    /// the run is to return them.
    pub(crate) fn watch(&self, seen: Seen) -> Result<Watch, TrainError> {
        let step = seen.step.filter(|_| self.config.return_best);
        let parameters = match step {
            None => Vec::new(),
            Some(step) => checkpoint::parameters(&self.checkpoints.join(format!("step-{step}")))?,
        };
        Ok(Watch { seen, parameters })
    }

    /// Makes both logs last.
    pub(crate) fn sync(&mut self) -> Result<(), TrainError> {
        self.metrics.sync()?;
        self.timings.sync()?;
        Ok(())
    }

    /// Gives a module the parameters of a checkpoint of this run.
    pub(crate) fn restore<M: Module>(
        &self,
        module: M,
        checkpoint: &mut Checkpoint,
    ) -> Result<M, TrainError> {
        let parameters = std::mem::take(&mut checkpoint.parameters);
        let mut parameters: BTreeMap<_, _> = parameters
            .into_iter()
            .map(|tensor| ((tensor.name, tensor.shape), tensor.values))
            .collect();
        let shapes = params::shapes(&module);
        let missing = shapes.iter().find(|shape| !parameters.contains_key(shape));
        let unused = parameters.keys().find(|key| !shapes.contains(key));
        let describe = |key: Option<&(String, Vec<usize>)>| match key {
            None => "no such parameter".to_owned(),
            Some((name, shape)) => format!("parameter {name} of shape {shape:?}"),
        };
        if missing.or(unused).is_some() {
            return Err(TrainError::Checkpoint {
                path: self.path_of(checkpoint),
                expected: describe(missing),
                found: describe(unused),
            });
        }
        self.check_moments(checkpoint, &shapes)?;
        give_masters(
            &params::rounded(&module),
            &parameters,
            &mut checkpoint.optimizer,
        );
        Ok(params::from_host(module, &mut |name, shape| {
            parameters.remove(&(name.to_owned(), shape.to_vec()))
        }))
    }

    /// Refuses moments that are not of a parameter's length.
    fn check_moments(
        &self,
        checkpoint: &Checkpoint,
        shapes: &[(String, Vec<usize>)],
    ) -> Result<(), TrainError> {
        let length = |name: &str| {
            let shape = shapes.iter().find(|(known, _)| known == name);
            shape.map(|(_, shape)| shape.iter().product::<usize>())
        };
        let wrong = checkpoint.optimizer.iter().find(|state| {
            let lengths = [state.mean.len(), state.square.len()].map(Some);
            lengths != [length(&state.name); 2]
        });
        let Some(state) = wrong else { return Ok(()) };
        let expected = match length(&state.name) {
            Some(length) => format!("moments of {} of length {length}", state.name),
            None => "moments of parameters alone".to_owned(),
        };
        Err(TrainError::Checkpoint {
            path: self.path_of(checkpoint),
            expected,
            found: format!("those of {} of length {}", state.name, state.mean.len()),
        })
    }

    fn path_of(&self, checkpoint: &Checkpoint) -> PathBuf {
        let name = format!("step-{}", checkpoint.state.step);
        self.checkpoints.join(name)
    }
}

/// The newest checkpoint. Where it cannot be read, the error says so and offers the last one that can.
fn resumed(
    newest_first: &[PathBuf],
    read: &dyn Fn(&Path) -> Result<Checkpoint, TrainError>,
) -> Result<Option<Checkpoint>, TrainError> {
    let [newest, others @ ..] = newest_first else {
        return Ok(None);
    };
    let error = match read(newest) {
        Ok(checkpoint) => return Ok(Some(checkpoint)),
        Err(error) => error,
    };
    if checkpoint::read(newest).is_ok() {
        // It is whole, and of another run.
        return Err(error);
    }
    Err(TrainError::Damaged {
        damage: Box::new(error),
        newest: newest.clone(),
        good: others.iter().find(|path| read(path).is_ok()).cloned(),
    })
}

/// Reads a checkpoint and refuses it where it is of a run with other settings or rows.
fn found(
    path: &Path,
    config: &TrainConfig,
    rows: &str,
    fixed: &BTreeMap<String, String>,
) -> Result<Checkpoint, TrainError> {
    let checkpoint = checkpoint::read(path)?;
    let state = &checkpoint.state;
    let differing = difference(config, &state.config.0).or_else(|| {
        let rows_of = |rows: &str| format!("training rows {rows}");
        (rows != state.rows).then(|| (rows_of(rows), rows_of(&state.rows)))
    });
    let other = || other_fixed(fixed, state.fixed.as_ref()?);
    let differing = differing.or_else(other);
    match differing {
        None => Ok(checkpoint),
        Some((expected, found)) => Err(TrainError::Checkpoint {
            path: path.to_owned(),
            expected: format!("a run with {expected}, as is asked for now"),
            found: format!("one with {found}"),
        }),
    }
}
