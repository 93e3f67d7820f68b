//! What a training run will need, reckoned before it starts.
//!
//! The figures are sums over the tensors that the loop keeps, not measurements; docs/PERFORMANCE.md sets
//! them beside measured peaks.

use std::path::Path;

use burn::module::Module;
use burn::tensor::DType;
use idiolect::lora::LoraAdapter;
use idiolect::model::{Decoder, ModelConfig};
use idiolect::tokens::TokenRow;
use idiolect::train::CHUNK_ROWS;
use serde::Serialize;

use crate::error::CliError;
use crate::training::Run;

/// Memory in bytes and work in tokens of a training run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The frozen weights.
    pub weights_bytes: usize,
    /// Adapter, its gradients and the two moments of the optimiser.
    pub adapter_bytes: usize,
    /// Activations of the longest micro-batch.
    pub activation_bytes: usize,
    /// Logits of one chunk with what is made of them.
    pub logits_bytes: usize,
    /// All of these.
    pub total_bytes: usize,
    /// What the machine has free; none where it does not tell.
    pub available_bytes: Option<usize>,
    /// Whether blocks are computed twice to keep only their inputs.
    pub checkpoint_blocks: bool,
    /// Tokens of the longest micro-batch, padding counted.
    pub longest_batch_tokens: usize,
    /// Rows trained on.
    pub rows: usize,
    /// Rows held out.
    pub held_out: usize,
    /// Tokens of one pass over the rows.
    pub tokens: usize,
    /// Those of them that the loss counts.
    pub trained_tokens: usize,
}

/// Share of the free memory that a run may plan to use before it saves memory at the cost of time.
const COMFORTABLE: f64 = 0.6;

impl Plan {
    /// The plan of a run.
    ///
    /// # Errors
    ///
    /// [`CliError::Setting`] for a `--checkpoint-blocks` that is none of auto, on and off.
    pub fn new(run: &Run<'_>, adapter: &LoraAdapter) -> Result<Self, CliError> {
        let rows = &run.prepared.rows;
        let mut lengths: Vec<usize> = rows.iter().map(|row| row.input_ids.len()).collect();
        lengths.sort_unstable_by_key(|length| std::cmp::Reverse(*length));
        let width = lengths.first().copied().unwrap_or(0);
        let longest_batch_tokens = width * run.config.batch_size.min(rows.len());
        let decoder = &run.opened.decoder;
        let memory = Memory::new(decoder, adapter, (longest_batch_tokens, width));
        let available_bytes = available();
        let checkpoint_blocks = match run.checkpoint_blocks.unwrap_or("auto") {
            "on" => true,
            "off" => false,
            "auto" => available_bytes
                .is_none_or(|free| memory.total(false) as f64 > COMFORTABLE * free as f64),
            other => {
                return Err(CliError::setting(
                    "--checkpoint-blocks",
                    "auto, on or off",
                    other,
                ));
            }
        };
        Ok(Self {
            weights_bytes: memory.weights,
            adapter_bytes: memory.adapter,
            activation_bytes: memory.activations(checkpoint_blocks),
            logits_bytes: memory.logits,
            total_bytes: memory.total(checkpoint_blocks),
            available_bytes,
            checkpoint_blocks,
            longest_batch_tokens,
            rows: rows.len(),
            held_out: run.prepared.held_out.len(),
            tokens: lengths.iter().sum(),
            trained_tokens: rows.iter().map(TokenRow::trained_tokens).sum(),
        })
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

/// Bytes by what they hold.
struct Memory {
    weights: usize,
    adapter: usize,
    inputs: usize,
    tape: usize,
    layers: usize,
    logits: usize,
}

impl Memory {
    fn new(decoder: &Decoder, adapter: &LoraAdapter, (tokens, width): (usize, usize)) -> Self {
        let config = &decoder.config;
        let size = DType::from(decoder.dtype()).size();
        Self {
            weights: decoder.num_params() * size,
            // The factors, their gradients, and the first and second moments, all f32.
            adapter: adapter.num_params() * 4 * 4,
            inputs: tokens * config.hidden_size * size * config.num_layers,
            tape: tokens * taped_floats(config, width) * 4,
            layers: config.num_layers - adapter.lowest_layer().min(config.num_layers),
            // Logits, their exponentials and the slope.
            logits: CHUNK_ROWS * config.vocab_size * 4 * 3,
        }
    }

    fn activations(&self, checkpoint_blocks: bool) -> usize {
        if checkpoint_blocks {
            self.inputs + self.tape
        } else {
            self.tape * self.layers
        }
    }

    fn total(&self, checkpoint_blocks: bool) -> usize {
        self.weights + self.adapter + self.activations(checkpoint_blocks) + self.logits
    }
}

/// Numbers that the tape of one block keeps for one token of a row of `width` tokens: what norms, rotary
/// turns, scores, softmax and the gated product hand to their way back.
fn taped_floats(config: &ModelConfig, width: usize) -> usize {
    let heads = config.query_width() + 2 * config.kv_width();
    12 * config.hidden_size
        + 4 * heads
        + 3 * config.num_heads * width
        + 5 * config.intermediate_size
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
