//! Bytes of a training run by what they hold: sums over the tensors that the loop keeps.
//!
//! What the machine has and whether a run fits is the plan's to say.

use std::collections::BTreeSet;

use burn::module::Module;
use burn::tensor::DType;
use idiolect_lora::LoraAdapter;
use idiolect_model::{Decoder, Projection, Weights};
use idiolect_train::{CHUNK_ROWS, TrainConfig, chunk_rows_for};

/// The micro-batch that takes the most memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct LongestBatch {
    /// Tokens, padding counted.
    pub(super) tokens: usize,
    /// Tokens of its longest row.
    pub(super) width: usize,
}

/// Bytes by what they hold.
pub(super) struct Sizes {
    pub(super) weights: usize,
    pub(super) trained: usize,
    /// The input of each block.
    inputs: usize,
    /// Activations of one block.
    block: usize,
    /// Blocks that the backward pass goes through.
    layers: usize,
    pub(super) logits: usize,
    pub(super) masks: usize,
    /// All that is there while a checkpoint of whole modules is written, when no gradient is.
    saving: usize,
}

impl Sizes {
    /// Those of an adapter beside frozen weights.
    pub(super) fn adapter(decoder: &Decoder, adapter: &LoraAdapter, batch: LongestBatch) -> Self {
        let config = &decoder.config;
        let size = DType::from(decoder.dtype()).size();
        let projections: BTreeSet<Projection> =
            adapter.sites.iter().map(|site| site.projection).collect();
        let reads_output = projections.contains(&Projection::Output);
        let floats = kept_floats(decoder, reads_output, batch.width);
        let (weights, whole) = (decoder.weight_bytes(), adapter.whole.num_params());
        Self {
            weights,
            // The factors, their gradients and the two moments, all f32; an update makes new factors, and
            // a checkpoint holds factors and moments once more while it is written. Modules that train
            // whole are updated one by one, and no gradient of theirs is there beside a checkpoint.
            trained: (adapter.num_params() - whole) * 4 * 8 + whole * 4 * 4,
            inputs: product([batch.tokens, config.hidden_size, size, config.num_layers]),
            block: product([
                batch.tokens,
                floats.saturating_mul(size).saturating_add(dora_bytes(
                    decoder,
                    adapter,
                    &projections,
                )),
            ]),
            layers: config.num_layers - adapter.lowest_layer().min(config.num_layers),
            logits: logits(decoder, batch.tokens) + trained_head(decoder, adapter),
            masks: 0,
            saving: weights + whole * 4 * 6,
        }
    }

    /// Those of all weights, in one autodiff graph.
    pub(super) fn full(
        decoder: &Decoder,
        weights: &Weights,
        batch: LongestBatch,
        train: &TrainConfig,
    ) -> Self {
        let config = &decoder.config;
        let (count, size) = (weights.num_params(), DType::from(decoder.dtype()).size());
        let is_rounded = size < 4;
        // Moments, and what weights in less than f32 are rounded from.
        let state = count * if is_rounded { 12 } else { 8 };
        // The sum of gradients in f32, and beside it those of another micro-batch in a type of their own.
        let is_summed = is_rounded && train.accumulation > 1;
        let gradients = count * if is_summed { 4 + size } else { 4 };
        Self {
            weights: count * size,
            trained: gradients + state,
            inputs: 0,
            block: product([batch.tokens, kept_floats(decoder, true, batch.width), size]),
            layers: config.num_layers,
            // Those of a chunk as for an adapter; the head's gradient, and what its backward pass multiplies.
            logits: logits(decoder, batch.tokens) + config.vocab_size * config.hidden_size * 4 * 2,
            masks: 0,
            // Weights and the optimiser's state, each twice; what rounded weights are rounded from stands in their
            // place in the copy.
            saving: if train.checkpoint_every > 0 {
                count * size + 2 * state + if is_rounded { 0 } else { count * size }
            } else {
                0
            },
        }
    }

    pub(super) fn activations(&self, activation_checkpointing: bool) -> usize {
        let kept = if activation_checkpointing {
            self.inputs.saturating_add(self.block)
        } else {
            self.block.saturating_mul(self.layers)
        };
        kept.saturating_add(self.masks)
    }

    pub(super) fn total(&self, activation_checkpointing: bool) -> usize {
        let fixed = self.weights + self.trained + self.logits;
        let step = fixed.saturating_add(self.activations(activation_checkpointing));
        step.max(self.saving)
    }
}

/// A product that stays at the largest number: packed rows may be as long as a checkpoint claims to take.
pub(super) fn product<const N: usize>(factors: [usize; N]) -> usize {
    factors.into_iter().fold(1, usize::saturating_mul)
}

/// Logits of a chunk with what is made of them: of a plain loss their gradient, which takes their place in f32, and a
/// copy in the model's type; of losses with several distributions, whose chunks are smaller, their exponentials too.
fn logits(decoder: &Decoder, tokens: usize) -> usize {
    // Not of the head itself, which is not there while full fine-tuning has the weights.
    let vocab = decoder.config.vocab_size;
    let rows = chunk_rows_for(vocab, &decoder.device()).min(tokens);
    let rows = (2 * rows).max(3 * CHUNK_ROWS);
    product([rows, vocab, 4])
}

/// The part of a head's gradient that one chunk gives, and the sum that it is added to.
fn trained_head(decoder: &Decoder, adapter: &LoraAdapter) -> usize {
    let size = decoder.config.vocab_size * decoder.config.hidden_size;
    usize::from(adapter.whole.trains_head()) * size * 4 * 2
}

/// Numbers that the autodiff graph of one block keeps for one token of a row of `width` tokens.
///
/// Fused steps keep their inputs alone: both norms the hidden state, attention its queries, keys and values, the gated
/// unit both halves. Of the inputs of projections with an update only what attention gives is kept beside these
/// (`reads_output`): norms and gated values are computed again. Composed steps keep what each operation hands to its
/// backward pass, attention scores included.
fn kept_floats(decoder: &Decoder, reads_output: bool, width: usize) -> usize {
    let config = &decoder.config;
    // Norms of heads keep what they are given beside what they give.
    let normed = usize::from(config.switches.head_norms);
    let heads = config.query_width() * (1 + normed) + config.kv_width() * (2 + normed);
    if decoder.is_fused() {
        let attended = usize::from(reads_output) * config.query_width();
        return 2 * config.hidden_size + heads + 2 * config.intermediate_size + attended;
    }
    let own = 12 * config.hidden_size + 4 * heads + 5 * config.intermediate_size;
    own.saturating_add(product([3, config.num_heads, width]))
}

/// Bytes that `DoRA` keeps of one block for one token: what a magnitude is multiplied with, in f32, at every adapted
/// projection, and with dropout the base output of the dropped input apart from the update.
fn dora_bytes(
    decoder: &Decoder,
    adapter: &LoraAdapter,
    projections: &BTreeSet<Projection>,
) -> usize {
    if !adapter.config.dora {
        return 0;
    }
    let shapes = projections
        .iter()
        .map(|projection| decoder.config.projection_shape(*projection));
    let outputs: usize = shapes.map(|[_, outputs]| outputs).sum();
    let kept = if adapter.config.dropout > 0.0 { 2 } else { 1 };
    outputs * 4 * kept
}

/// Bytes in megabytes, rounded up.
pub(super) fn megabytes(bytes: usize) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use burn::tensor::{Device, FloatDType};
    use idiolect_lora::{LoraConfig, Targets};

    use super::*;
    use crate::devices::small_model::SmallModel;

    fn activations(dora: bool, dropout: f64) -> usize {
        let small = SmallModel::new(&Device::flex(), FloatDType::F32);
        let decoder = small.unwrap().decoder;
        let config = LoraConfig {
            targets: Targets::AllLinear,
            dora,
            dropout,
            ..LoraConfig::default()
        };
        let device = Device::flex().autodiff();
        let adapter = LoraAdapter::new(&config, &decoder, 0, &device).unwrap();
        let batch = LongestBatch {
            tokens: 10,
            width: 5,
        };
        Sizes::adapter(&decoder, &adapter, batch).activations(false)
    }

    /// As tests/tests/tape.rs counts them on Llama-2-7B's shapes: nothing with dropout, with `DoRA` 172 KB more, and
    /// twice that with both.
    #[test]
    fn dora_keeps_what_its_magnitudes_multiply() {
        let plain = activations(false, 0.0);
        assert_eq!(activations(false, 0.1), plain);
        let outputs = 64 + 32 + 32 + 64 + 96 + 96 + 64;
        let more = 10 * 2 * 4 * outputs;
        assert_eq!(activations(true, 0.0), plain + more);
        assert_eq!(activations(true, 0.1), plain + 2 * more);
    }
}
