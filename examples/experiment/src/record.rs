//! Numbers of the finished runs, one line of JSON each, without any text.
//!
//! A line has the key of the settings, the model, the rows and the training code that made it; lines of other keys stay
//! in the file and have no part.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::design::Run;
use crate::error::ExperimentError;

/// What one run gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What it is comparable with.
    pub(crate) key: String,
    /// Which run.
    #[serde(flatten)]
    pub(crate) run: Run,
    /// Rise in nats per token of each of the base model's own answers.
    pub(crate) forgetting: Vec<f64>,
    /// Rise in nats per token on held-out plain text.
    pub(crate) plain_text: f64,
    /// Fall in nats per token of each held-out response.
    pub(crate) learning: Vec<f64>,
    /// BLEU-4 of each greedy answer against the base model's.
    pub(crate) bleu4: Vec<f64>,
    /// ROUGE-L, likewise.
    pub(crate) rouge_l: Vec<f64>,
    /// Cosine of the sentence vectors, likewise; empty without an encoder.
    pub(crate) cosine: Vec<f64>,
    /// Right answers of ARC-Challenge less those of the base model, item by item; empty without the task.
    pub(crate) knowledge: Vec<f64>,
    /// Mean change of the adapted weights relative to them.
    pub(crate) shift: f64,
    /// Divergence from the teacher in nats a token, step by step; empty but for the on-policy arm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) divergence: Vec<f64>,
    /// What the run and its measures took.
    pub(crate) seconds: f64,
}

/// The records of one key.
pub(crate) struct Records {
    path: PathBuf,
    all: Vec<Record>,
}

impl Records {
    /// Reads those of a key; none where there is no file.
    pub(crate) fn open(path: &Path, key: &str) -> Result<Self, ExperimentError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(ExperimentError::io(path)(error)),
        };
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim().is_empty());
        let read = |(at, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|source| ExperimentError::Record {
                path: path.to_owned(),
                line: at + 1,
                source,
            })
        };
        let mut all: Vec<Record> = lines.map(read).collect::<Result<_, _>>()?;
        all.retain(|record| record.key == key);
        let path = path.to_owned();
        Ok(Self { path, all })
    }

    /// The record of a run, if it is done.
    pub(crate) fn of(&self, run: &Run) -> Option<&Record> {
        self.all.iter().find(|record| record.run == *run)
    }

    /// Adds one, on disk first.
    pub(crate) fn append(&mut self, record: Record) -> Result<(), ExperimentError> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(ExperimentError::io(folder))?;
        }
        let line = serde_json::json!(record).to_string();
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path);
        file.and_then(|mut file| writeln!(file, "{line}").and_then(|()| file.sync_all()))
            .map_err(ExperimentError::io(&self.path))?;
        self.all.push(record);
        Ok(())
    }
}
