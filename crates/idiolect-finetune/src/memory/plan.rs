//! What a training run will need, computed before it starts, and whether it fits.

use std::cmp::Reverse;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use idiolect_lm::device::{free_memory, is_host};
use idiolect_lora::LoraAdapter;
use idiolect_model::{Decoder, Weights};
use idiolect_train::{RowSize, Rows, TrainConfig, TrainError};
use serde::Serialize;

use super::sizes::{LongestBatch, Sizes, megabytes, product};
use crate::{ActivationCheckpointing, FineTuneError};

/// What a run trains.
#[derive(Clone, Copy)]
pub(crate) enum Trained<'a> {
    /// An adapter beside frozen weights.
    Adapter(&'a LoraAdapter),
    /// Every weight.
    Weights(&'a Weights),
}

/// A run whose memory is to be planned.
#[derive(Clone, Copy)]
pub(crate) struct PlannedRun<'a> {
    pub(crate) decoder: &'a Decoder,
    pub(crate) trained: Trained<'a>,
    pub(crate) config: &'a TrainConfig,
    pub(crate) rows: &'a dyn Rows,
    pub(crate) held_out: &'a dyn Rows,
    pub(crate) activation_checkpointing: ActivationCheckpointing,
    /// Devices that share the work of a step.
    pub(crate) devices: usize,
    /// What the first of them has free.
    pub(crate) memory: Memory,
}

/// Free memory, and how many devices of a run share it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Bytes; none where the device does not tell.
    pub(crate) free: Option<usize>,
    /// Devices in it, at least 1.
    pub(crate) devices: usize,
}

impl Memory {
    /// That of a device, which `on_host` devices share where it is the CPU's.
    pub(crate) fn of(device: &Device, on_host: usize) -> Self {
        Self {
            free: free_memory(device),
            devices: if is_host(device) { on_host.max(1) } else { 1 },
        }
    }
}

/// Memory in bytes and work in tokens of a training run: the plan that a run directory holds as `plan.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryPlan {
    /// Parameters of the model.
    pub parameters: usize,
    /// Parameters that train: those of the adapter, or all of the model's.
    pub trained_parameters: usize,
    /// The weights of the model.
    pub weights_bytes: usize,
    /// Adapter, its gradients, the two moments of the optimiser, and copies while a checkpoint is written.
    /// Without an adapter it is gradients and moments of the weights, and a copy in f32 of weights in bf16.
    pub trained_bytes: usize,
    /// Activations of the longest micro-batch.
    pub activation_bytes: usize,
    /// Logits of one chunk with what is made of them, and the gradient of a head that trains.
    pub logits_bytes: usize,
    /// All of these, or what a checkpoint of all weights takes while it is written, where that is more.
    /// Each device needs as much.
    pub total_bytes: usize,
    /// What the device has free, of the machine's memory or its own; none where it does not tell.
    pub available_bytes: Option<usize>,
    /// Devices that share the work of a step.
    pub devices: usize,
    /// Whether blocks are computed twice to keep only their inputs.
    #[serde(rename = "checkpoint_blocks")]
    pub activation_checkpointing: bool,
    /// Rows of a micro-batch.
    pub batch_size: usize,
    /// Micro-batches of an optimiser step.
    pub accumulation: usize,
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

impl MemoryPlan {
    /// The plan of a run.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] for a run that needs more memory than is free, and
    /// [`FineTuneError::Train`] for a row that cannot be read.
    pub(crate) fn new(run: &PlannedRun<'_>) -> Result<Self, FineTuneError> {
        let plan = Self::unchecked(run)?;
        plan.fits(run.memory).map(|()| plan)
    }

    /// The plan of a run that may not fit.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Train`] for a row that cannot be read.
    pub(super) fn unchecked(run: &PlannedRun<'_>) -> Result<Self, FineTuneError> {
        let rows = run.rows;
        let batch = longest_batch(run)?;
        let total = |of: &dyn Fn(RowSize) -> usize| {
            let all = (0..rows.count()).map(|row| of(rows.size(row)));
            rows.sizes_are_exact().then(|| all.sum())
        };
        let sizes = sizes(run, batch);
        let again = computes_again(run, &sizes);
        Ok(Self {
            parameters: run.decoder.num_params(),
            trained_parameters: match run.trained {
                Trained::Adapter(adapter) => adapter.num_params(),
                Trained::Weights(weights) => weights.num_params(),
            },
            weights_bytes: sizes.weights,
            trained_bytes: sizes.trained,
            activation_bytes: sizes.activations(again),
            logits_bytes: sizes.logits,
            total_bytes: sizes.total(again),
            available_bytes: run.memory.free,
            devices: run.devices,
            activation_checkpointing: again,
            batch_size: run.config.batch_size,
            accumulation: run.config.accumulation,
            longest_batch_tokens: batch.tokens,
            rows: rows.count(),
            held_out: run.held_out.count(),
            tokens: total(&|size| size.tokens),
            trained_tokens: total(&|size| size.trained_tokens),
        })
    }

    /// Whether the run takes a comfortable share of what is free beside the weights; none where that is not known.
    pub(super) fn is_comfortable(&self, memory: Memory) -> Option<bool> {
        let free = memory.free? as f64;
        Some(self.beside_weights(memory) as f64 <= COMFORTABLE * free)
    }

    /// What the devices that share a memory take beside the weights, which are loaded already.
    fn beside_weights(&self, memory: Memory) -> usize {
        product([memory.devices, self.total_bytes - self.weights_bytes])
    }

    /// Refuses a run that needs more than is free; the weights are loaded already.
    fn fits(&self, memory: Memory) -> Result<(), FineTuneError> {
        let more = self.beside_weights(memory);
        match memory.free {
            Some(free) if more > free => {
                let expected = format!(
                    "at most {} free: a smaller batch_size or max_length, an adapter instead of full, or \
                     activation_checkpointing on",
                    megabytes(free)
                );
                Err(FineTuneError::setting("memory", expected, megabytes(more)))
            }
            _ => Ok(()),
        }
    }

    /// Writes the plan as JSON.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Io`] when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FineTuneError> {
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::from);
        let written = text.and_then(|text| std::fs::write(path, text + "\n"));
        written.map_err(FineTuneError::io(path))
    }
}

fn sizes(run: &PlannedRun<'_>, batch: LongestBatch) -> Sizes {
    let mut sizes = match run.trained {
        Trained::Adapter(adapter) => Sizes::adapter(run.decoder, adapter, batch),
        Trained::Weights(weights) => Sizes::full(run.decoder, weights, batch, run.config),
    };
    if run.config.packing.is_some() && !run.decoder.is_fused() {
        // Without steps of its own a device needs a mask for each packed row, in f32.
        sizes.masks = product([batch.tokens, batch.width, 4]);
    }
    sizes
}

/// Whether blocks are computed again in the backward pass.
fn computes_again(run: &PlannedRun<'_>, sizes: &Sizes) -> bool {
    let Memory { free, devices } = run.memory;
    let needed = product([devices, sizes.total(false)]);
    match run.activation_checkpointing {
        ActivationCheckpointing::On => true,
        ActivationCheckpointing::Off => false,
        ActivationCheckpointing::Auto => {
            let is_adapter = matches!(run.trained, Trained::Adapter(_));
            is_adapter && free.is_none_or(|free| needed as f64 > COMFORTABLE * free as f64)
        }
    }
}

fn longest_batch(run: &PlannedRun<'_>) -> Result<LongestBatch, FineTuneError> {
    let width = longest(run.rows)?.max(run.config.packing.unwrap_or(0));
    let rows = run.config.batch_size.min(run.rows.count());
    Ok(LongestBatch {
        tokens: product([width, rows]),
        width,
    })
}

/// Rows that may hold the most tokens where only their bytes are known.
const CANDIDATES: usize = 64;

/// Tokens of the longest row: exact where lengths are known, else of the rows with the most bytes.
fn longest(rows: &dyn Rows) -> Result<usize, FineTuneError> {
    let mut order: Vec<usize> = (0..rows.count()).collect();
    order.sort_by_key(|&row| Reverse(rows.size(row).tokens));
    order.truncate(if rows.sizes_are_exact() {
        1
    } else {
        CANDIDATES
    });
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

#[cfg(test)]
impl MemoryPlan {
    /// One for tests.
    pub(crate) const SMALL: Self = Self {
        parameters: 10,
        trained_parameters: 1,
        weights_bytes: 40,
        trained_bytes: 10,
        activation_bytes: 30,
        logits_bytes: 20,
        total_bytes: 100,
        available_bytes: None,
        devices: 2,
        activation_checkpointing: false,
        batch_size: 2,
        accumulation: 4,
        longest_batch_tokens: 8,
        rows: 3,
        held_out: 0,
        tokens: None,
        trained_tokens: None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_that_share_a_memory_need_it_together() {
        let free = |free, devices| Memory {
            free: Some(free),
            devices,
        };
        assert_eq!(MemoryPlan::SMALL.is_comfortable(free(100, 1)), Some(true));
        assert_eq!(MemoryPlan::SMALL.is_comfortable(free(100, 2)), Some(false));
        assert!(
            MemoryPlan::SMALL.fits(free(120, 2)).is_ok()
                && MemoryPlan::SMALL.fits(free(119, 2)).is_err()
        );
        let unknown = Memory {
            free: None,
            devices: 2,
        };
        assert_eq!(MemoryPlan::SMALL.is_comfortable(unknown), None);
        assert!(MemoryPlan::SMALL.fits(unknown).is_ok());
    }

    #[test]
    #[cfg(feature = "flex")]
    fn the_memory_is_that_of_the_device() {
        let host = Memory::of(&Device::flex(), 3);
        assert_eq!(host.devices, 3);
        assert_eq!(host.free.is_some(), Path::new("/proc/meminfo").exists());
        assert_eq!(Memory::of(&Device::flex(), 0).devices, 1);
    }
}
