//! What a run tells: events to its caller, rows to its two JSON Lines files.
//!
//! `metrics.jsonl` holds what the run computed and no clock, so that two runs can be compared byte
//! by byte; `timings.jsonl` holds what the machine did.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use idiolect_data::lock_file;
use idiolect_input::open_growing;
use serde::Serialize;

use crate::TrainError;

/// What a run tells its caller as it happens.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrainerEvent<'a> {
    /// The run is laid out.
    Planned {
        /// Optimiser steps of the whole run.
        steps: usize,
        /// Steps that a checkpoint has already done.
        done: usize,
        /// Rows without a trained token; they are left out.
        untrained_rows: usize,
    },
    /// An optimiser step is done.
    Step {
        /// What it computed.
        row: &'a StepRow,
        /// What it cost.
        timing: &'a TimingRow,
    },
    /// The held-out rows were evaluated.
    Evaluated(&'a EvaluationRow),
    /// A checkpoint was written.
    Checkpoint {
        /// Steps done.
        step: usize,
        /// Its folder.
        path: &'a Path,
    },
    /// The run has come to its end, or no better evaluation was to be waited for.
    Done {
        /// Optimiser steps done.
        steps: usize,
    },
}

/// What one optimiser step computed: a row of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepRow {
    /// 1-based optimiser step.
    pub step: usize,
    /// Epochs done after it, a fraction within an epoch.
    pub epoch: f64,
    /// Mean loss over the window's trained tokens, in nats.
    pub loss: f64,
    /// Learning rate that the step used.
    pub lr: f64,
    /// Global gradient norm before clipping.
    pub grad_norm: f64,
    /// Trained tokens of the window, after the shift.
    pub trained_tokens: usize,
    /// What the maker of the step's rows says of them, by name; nothing where they are the run's own.
    #[serde(flatten)]
    pub more: BTreeMap<String, f64>,
}

/// What an evaluation computed: a row of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvaluationRow {
    /// 1-based optimiser step after which it ran.
    pub step: usize,
    /// Epochs done after it.
    pub epoch: f64,
    /// Mean loss over the held-out rows' trained tokens, in nats.
    pub eval_loss: f64,
    /// Trained tokens of the held-out rows, after the shift.
    pub eval_tokens: usize,
    /// Share of them that the module finds likeliest, where the objective tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_accuracy: Option<f64>,
}

/// What one optimiser step cost: a row of `timings.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimingRow {
    /// 1-based optimiser step.
    pub step: usize,
    /// Wall time of the step in seconds.
    pub seconds: f64,
    /// Tokens of the step, padding not counted.
    pub tokens: usize,
    /// `tokens / seconds`.
    pub tokens_per_second: f64,
    /// Peak resident memory of the process so far in bytes, where the system tells it.
    pub peak_memory: Option<u64>,
}

impl TimingRow {
    /// The row of a step over `tokens` tokens that ends now.
    pub(crate) fn new(step: usize, tokens: usize, began: Instant) -> Self {
        let seconds = began.elapsed().as_secs_f64();
        let tokens_per_second = tokens as f64 / seconds.max(f64::MIN_POSITIVE);
        Self {
            step,
            seconds,
            tokens,
            tokens_per_second,
            peak_memory: peak_memory(),
        }
    }
}

/// One of the files, open at its end.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Log {
    /// Opens the file, for this process alone, and cuts it back to its first `bytes` bytes.
    pub(crate) fn open(path: PathBuf, bytes: u64) -> Result<Self, TrainError> {
        let mut file = open_growing(&path).map_err(|source| io(&path, source))?;
        lock_file(&file, &path)?;
        let found = Self::cut(&mut file, bytes).map_err(|source| io(&path, source))?;
        if found < bytes {
            return Err(TrainError::Checkpoint {
                path,
                expected: format!("the {bytes} bytes written before the checkpoint"),
                found: format!("{found} bytes"),
            });
        }
        Ok(Self { path, file, bytes })
    }

    /// Cuts a file back, and says how long it was.
    fn cut(file: &mut File, bytes: u64) -> std::io::Result<u64> {
        let found = file.metadata()?.len();
        if found > bytes {
            file.set_len(bytes)?;
        }
        file.seek(SeekFrom::End(0))?;
        Ok(found)
    }

    /// Writes one row.
    pub(crate) fn append(&mut self, row: &impl Serialize) -> Result<(), TrainError> {
        let written = serde_json::to_vec(row)
            .map_err(std::io::Error::from)
            .and_then(|mut line| {
                line.push(b'\n');
                self.bytes += line.len() as u64;
                self.file.write_all(&line)
            });
        written.map_err(|source| io(&self.path, source))
    }

    /// Length of the file, once it lies on the disk.
    pub(crate) fn sync(&mut self) -> Result<u64, TrainError> {
        self.file
            .sync_all()
            .map_err(|source| io(&self.path, source))?;
        Ok(self.bytes)
    }
}

/// The system's error, with the file it is about.
pub(crate) fn io(path: &Path, source: std::io::Error) -> TrainError {
    TrainError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Peak resident memory of this process, from Linux's `/proc`; none elsewhere.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
