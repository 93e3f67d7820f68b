//! What a training run will need, reckoned before it starts.
//!
//! The figures are sums over the tensors that the loop keeps, not measurements; docs/PERFORMANCE.md sets
//! them beside measured peaks.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::Path;

use burn::module::Module;
use burn::tensor::DType;
use idiolect::lora::LoraAdapter;
use idiolect::model::{Decoder, Projection};
use idiolect::train::{CHUNK_ROWS, RowSize, Rows, TrainError};
use serde::Serialize;

use crate::error::CliError;
use crate::training::Run;

/// Memory in bytes and work in tokens of a training run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The frozen weights.
    pub weights_bytes: usize,
    /// Adapter, its gradients, the two moments of the optimiser, and copies while a checkpoint is written.
    pub adapter_bytes: usize,
    /// Activations of the longest micro-batch.
    pub activation_bytes: usize,
    /// Logits of one chunk with what is made of them.
    pub logits_bytes: usize,
    /// All of these; each device needs as much.
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
    pub fn new(run: &Run<'_>, adapter: &LoraAdapter) -> Result<Self, CliError> {
        let rows = run.rows;
        let width = longest(rows)?.max(run.config.packing.unwrap_or(0));
        let longest_batch_tokens = width * run.config.batch_size.min(rows.count());
        let total = |of: &dyn Fn(RowSize) -> usize| {
            let all = (0..rows.count()).map(|row| of(rows.size(row)));
            rows.known().then(|| all.sum())
        };
        let decoder = &run.opened.decoder;
        let mut memory = Memory::new(decoder, adapter, (longest_batch_tokens, width));
        if run.config.packing.is_some() {
            // Each packed row has a mask of its own, in f32.
            memory.masks = longest_batch_tokens * width * 4;
        }
        let available_bytes = available();
        let (devices, here) = run.fleet.count(&decoder.device());
        let checkpoint_blocks = match run.checkpoint_blocks.unwrap_or("auto") {
            "on" => true,
            "off" => false,
            "auto" => available_bytes
                .is_none_or(|free| (here * memory.total(false)) as f64 > COMFORTABLE * free as f64),
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
            adapter_bytes: memory.adapter,
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
        let more = here * (self.total_bytes - self.weights_bytes);
        match self.available_bytes {
            Some(free) if more > free => {
                let expected = format!(
                    "at most {} free: a smaller --batch-size or --max-length, or --checkpoint-blocks on",
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
             memory{}: weights {}, adapter {}, activations {}{}, logits {}; free beside the weights: {free}",
            self.rows,
            self.longest_batch_tokens,
            on_each(self.devices),
            megabytes(self.weights_bytes),
            megabytes(self.adapter_bytes),
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

/// Bytes by what they hold.
struct Memory {
    weights: usize,
    adapter: usize,
    inputs: usize,
    tape: usize,
    layers: usize,
    logits: usize,
    masks: usize,
}

impl Memory {
    fn new(decoder: &Decoder, adapter: &LoraAdapter, (tokens, width): (usize, usize)) -> Self {
        let config = &decoder.config;
        let size = DType::from(decoder.dtype()).size();
        Self {
            weights: decoder.weight_bytes(),
            // The factors, their gradients and the two moments, all f32; an update makes new factors, and
            // a checkpoint holds factors and moments once more while it is written.
            adapter: adapter.num_params() * 4 * 8,
            inputs: tokens * config.hidden_size * size * config.num_layers,
            tape: tokens * taped_floats(decoder, adapter, width) * 4,
            layers: config.num_layers - adapter.lowest_layer().min(config.num_layers),
            // Logits, their exponentials and the slope.
            logits: CHUNK_ROWS * config.vocab_size * 4 * 3,
            masks: 0,
        }
    }

    fn activations(&self, checkpoint_blocks: bool) -> usize {
        let kept = if checkpoint_blocks {
            self.inputs + self.tape
        } else {
            self.tape * self.layers
        };
        kept + self.masks
    }

    fn total(&self, checkpoint_blocks: bool) -> usize {
        self.weights + self.adapter + self.activations(checkpoint_blocks) + self.logits
    }
}

/// Numbers that the tape of one block keeps for one token of a row of `width` tokens.
///
/// Fused steps keep their inputs alone: both norms the hidden state, attention its queries, keys and
/// values, the gated unit both halves; beside these there is the input of every projection with an
/// update. Composed steps keep what each operation hands to its way back, scores included.
fn taped_floats(decoder: &Decoder, adapter: &LoraAdapter, width: usize) -> usize {
    let config = &decoder.config;
    let heads = config.query_width() + 2 * config.kv_width();
    if decoder.is_fused() {
        let inputs: BTreeSet<Input> = adapter
            .sites
            .iter()
            .map(|site| input(site.projection))
            .collect();
        let inputs = inputs.into_iter().map(|input| match input {
            Input::Attention | Input::FeedForward => config.hidden_size,
            Input::Output => config.query_width(),
            Input::Down => config.intermediate_size,
        });
        return 2 * config.hidden_size
            + heads
            + 2 * config.intermediate_size
            + inputs.sum::<usize>();
    }
    12 * config.hidden_size
        + 4 * heads
        + 3 * config.num_heads * width
        + 5 * config.intermediate_size
}

/// What projections read; those of one kind read the same tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Input {
    Attention,
    Output,
    FeedForward,
    Down,
}

fn input(projection: Projection) -> Input {
    match projection {
        Projection::Query | Projection::Key | Projection::Value => Input::Attention,
        Projection::Output => Input::Output,
        Projection::Gate | Projection::Up => Input::FeedForward,
        Projection::Down => Input::Down,
    }
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
