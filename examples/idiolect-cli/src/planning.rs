//! What a training run will need, reckoned before it starts.
//!
//! The figures are sums over the tensors that the loop keeps, not measurements; docs/PERFORMANCE.md sets
//! them beside measured peaks.

use std::cmp::Reverse;
use std::path::Path;

use idiolect::lora::LoraAdapter;
use idiolect::model::Weights;
use idiolect::train::{RowSize, Rows, TrainError};
use serde::Serialize;

use crate::error::CliError;
use crate::memory::{Memory, product};
use crate::training::Run;

/// What a run trains.
#[derive(Clone, Copy)]
pub enum Trained<'a> {
    /// An adapter beside frozen weights.
    Adapter(&'a LoraAdapter),
    /// Every weight.
    Weights(&'a Weights),
}

/// Memory in bytes and work in tokens of a training run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The weights of the model.
    pub weights_bytes: usize,
    /// Adapter, its gradients, the two moments of the optimiser, and copies while a checkpoint is written.
    /// Without an adapter it is gradients and moments of the weights.
    pub trained_bytes: usize,
    /// Activations of the longest micro-batch.
    pub activation_bytes: usize,
    /// Logits of one chunk with what is made of them, and the gradient of a head that trains.
    pub logits_bytes: usize,
    /// All of these, or what a checkpoint of all weights takes while it is written, where that is more.
    /// Each device needs as much.
    pub total_bytes: usize,
    /// What the machine has free; none where it does not tell.
    pub available_bytes: Option<usize>,
    /// Devices that share the work of a step.
    pub devices: usize,
    /// Whether blocks are computed twice to keep only their inputs.
    pub checkpoint_blocks: bool,
    /// Tokens of the longest micro-batch, padding counted.
    pub longest_batch_tokens: usize,
    /// Rows trained on.
    pub rows: usize,
    /// Rows held out.
    pub held_out: usize,
    /// Tokens of one pass over the rows; none where they are read as they are needed.
    pub tokens: Option<usize>,
    /// Those of them that the loss counts.
    pub trained_tokens: Option<usize>,
}

/// Share of the free memory that a run may plan to use before it saves memory at the cost of time.
const COMFORTABLE: f64 = 0.6;

impl Plan {
    /// The plan of a run.
    ///
    /// # Errors
    ///
    /// [`CliError::Setting`] for a `--checkpoint-blocks` that is none of auto, on and off, and for a run
    /// that needs more memory than is free.
    pub fn new(run: &Run<'_>, trained: Trained<'_>) -> Result<Self, CliError> {
        let rows = run.rows;
        let width = longest(rows)?.max(run.config.packing.unwrap_or(0));
        let longest_batch_tokens = product([width, run.config.batch_size.min(rows.count())]);
        let total = |of: &dyn Fn(RowSize) -> usize| {
            let all = (0..rows.count()).map(|row| of(rows.size(row)));
            rows.known().then(|| all.sum())
        };
        let decoder = &run.opened.decoder;
        let batch = (longest_batch_tokens, width);
        let mut memory = match trained {
            Trained::Adapter(adapter) => Memory::adapter(decoder, adapter, batch),
            Trained::Weights(weights) => {
                Memory::full(decoder, weights, batch, run.config.checkpoint_every > 0)
            }
        };
        if run.config.packing.is_some() {
            // Each packed row has a mask of its own, in f32.
            memory.masks = product([longest_batch_tokens, width, 4]);
        }
        let available_bytes = available();
        let (devices, here) = run.fleet.count(&decoder.device());
        let checkpoint_blocks = match run.checkpoint_blocks.unwrap_or("auto") {
            "auto" if matches!(trained, Trained::Weights(_)) => false,
            "on" => true,
            "off" => false,
            "auto" => available_bytes.is_none_or(|free| {
                product([here, memory.total(false)]) as f64 > COMFORTABLE * free as f64
            }),
            other => {
                return Err(CliError::setting(
                    "--checkpoint-blocks",
                    "auto, on or off",
                    other,
                ));
            }
        };
        let plan = Self {
            weights_bytes: memory.weights,
            trained_bytes: memory.trained,
            activation_bytes: memory.activations(checkpoint_blocks),
            logits_bytes: memory.logits,
            total_bytes: memory.total(checkpoint_blocks),
            available_bytes,
            devices,
            checkpoint_blocks,
            longest_batch_tokens,
            rows: rows.count(),
            held_out: run.held_out.count(),
            tokens: total(&|size| size.tokens),
            trained_tokens: total(&|size| size.trained_tokens),
        };
        plan.fits(here).map(|()| plan)
    }

    /// Refuses a run that needs more than is free for the devices that are `here`, in this machine's own
    /// memory; the weights are loaded already.
    fn fits(&self, here: usize) -> Result<(), CliError> {
        let more = product([here, self.total_bytes - self.weights_bytes]);
        match self.available_bytes {
            Some(free) if more > free => {
                let expected = format!(
                    "at most {} free: a smaller --batch-size or --max-length, an adapter instead of --full, or \
                     --checkpoint-blocks on",
                    megabytes(free)
                );
                Err(CliError::setting("memory", expected, megabytes(more)))
            }
            _ => Ok(()),
        }
    }

    /// The plan in two lines.
    #[must_use]
    pub fn line(&self) -> String {
        let free = self.available_bytes.map_or("unknown".into(), megabytes);
        let tokens = match (self.tokens, self.trained_tokens) {
            (Some(all), Some(trained)) => format!(" of {all} tokens, {trained} of them trained"),
            _ => ", read as they are needed".to_owned(),
        };
        format!(
            "{} rows{tokens}; the longest batch has {}\n\
             memory{}: weights {}, what trains {}, activations {}{}, logits {}; free beside the weights: {free}",
            self.rows,
            self.longest_batch_tokens,
            on_each(self.devices),
            megabytes(self.weights_bytes),
            megabytes(self.trained_bytes),
            megabytes(self.activation_bytes),
            if self.checkpoint_blocks {
                " (blocks are computed twice)"
            } else {
                ""
            },
            megabytes(self.logits_bytes),
        )
    }

    /// Writes the plan as JSON.
    ///
    /// # Errors
    ///
    /// [`CliError::Io`] when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        std::fs::write(path, text + "\n").map_err(CliError::io(path))
    }
}

/// Rows that may hold the most tokens where only their bytes are known.
const CANDIDATES: usize = 64;

/// Tokens of the longest row: exact where lengths are known, else of the rows with the most bytes.
fn longest(rows: &dyn Rows) -> Result<usize, CliError> {
    let mut order: Vec<usize> = (0..rows.count()).collect();
    order.sort_by_key(|&row| Reverse(rows.size(row).tokens));
    order.truncate(if rows.known() { 1 } else { CANDIDATES });
    let mut width = 0;
    for row in order {
        let found = rows.row(row).map_err(|source| TrainError::Rows {
            set: "training",
            row,
            source,
        })?;
        width = width.max(found.map_or(0, |row| row.input_ids.len()));
    }
    Ok(width)
}

fn on_each(devices: usize) -> String {
    match devices {
        1 => String::new(),
        count => format!(" on each of {count} devices"),
    }
}

fn megabytes(bytes: usize) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// Free memory of this machine, where it tells.
fn available() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
