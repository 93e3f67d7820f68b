//! A run's folder: its two logs, its checkpoints, and how a run resumes from it.

mod checkpoint;
mod difference;
mod files;
mod found;
mod masters;
mod stored;
mod tensors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use idiolect_data::remove_unfinished;

use crate::guard::{Seen, Watch};
use crate::params::HostTensor;
use crate::report::{EvaluationRow, Log, StepRow, TimingRow, io};
use crate::{AdamW, Rows, TrainConfig, TrainError, params};
use checkpoint::{Checkpoint, State};
use found::{found, resumed};
use masters::{give_masters, held};
use stored::StoredConfig;

/// Where a run keeps its files.
#[derive(Debug, Clone, Copy)]
pub struct RunFolder<'a> {
    /// The folder; it is made if it is not there.
    pub path: &'a Path,
    /// Whether to resume from the latest checkpoint. Without one the run starts anew.
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
    /// Opens the folder, and reads the checkpoint to resume from where there is one.
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
        (module, average): (&M, Option<&M>),
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
            average: average.map(|average| params::to_host(average, &|_| true)),
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

    /// Gives a moving average the parameters that a checkpoint of this run has of it.
    pub(crate) fn restore_average<M: Module>(
        &self,
        average: Option<M>,
        checkpoint: &mut Checkpoint,
    ) -> Result<Option<M>, TrainError> {
        match (average, checkpoint.average.take()) {
            (None, None) => Ok(None),
            (Some(average), Some(parameters)) => {
                self.check_shapes(&average, &parameters, checkpoint)?;
                Ok(Some(given(average, parameters)))
            }
            (average, _) => {
                let shown = |is_there| if is_there { "a moving average" } else { "none" };
                Err(TrainError::Checkpoint {
                    path: self.path_of(checkpoint),
                    expected: shown(average.is_some()).to_owned(),
                    found: shown(average.is_none()).to_owned(),
                })
            }
        }
    }

    /// Gives a module the parameters of a checkpoint of this run.
    pub(crate) fn restore<M: Module>(
        &self,
        module: M,
        checkpoint: &mut Checkpoint,
    ) -> Result<M, TrainError> {
        let parameters = std::mem::take(&mut checkpoint.parameters);
        self.check_shapes(&module, &parameters, checkpoint)?;
        self.check_moments(checkpoint, &params::shapes(&module))?;
        give_masters(
            &params::rounded(&module),
            &parameters,
            &mut checkpoint.optimizer,
        );
        Ok(given(module, parameters))
    }

    /// Refuses parameters that are not those of a module, by name and shape.
    fn check_shapes<M: Module>(
        &self,
        module: &M,
        parameters: &[HostTensor],
        checkpoint: &Checkpoint,
    ) -> Result<(), TrainError> {
        let names = parameters.iter();
        let found: Vec<_> = names
            .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
            .collect();
        let shapes = params::shapes(module);
        let missing = shapes.iter().find(|shape| !found.contains(shape));
        let unused = found.iter().find(|shape| !shapes.contains(shape));
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
        Ok(())
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

/// A module with these parameters, which are its own by name and shape.
fn given<M: Module>(module: M, parameters: Vec<HostTensor>) -> M {
    let mut parameters: BTreeMap<_, _> = parameters
        .into_iter()
        .map(|tensor| (tensor.name, tensor.values))
        .collect();
    params::from_host(module, &mut |name, _| parameters.remove(name))
}
