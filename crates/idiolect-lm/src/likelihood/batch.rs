//! A batch of token rows as tensors, and the hidden states at the positions that predict a trained token.

use burn::tensor::{Int, Tensor, TensorData};
use idiolect_lora::AdapterBatch;
use idiolect_model::{Adapter, Decoder};
use idiolect_tokens::{IGNORE, TokenBatch};

/// The trained tokens of a batch, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrainedTokens {
    /// Index into the flattened `[rows * width]` of the token before each.
    pub positions: Vec<i64>,
    /// The tokens themselves.
    pub targets: Vec<i64>,
}

impl TrainedTokens {
    /// Those whose labels a batch keeps.
    #[must_use]
    pub fn new(batch: &TokenBatch) -> Self {
        let last = |place: &usize| (place + 1).is_multiple_of(batch.width);
        let places = (0..batch.rows * batch.width).filter(|place| !last(place));
        let pairs = places.filter_map(|place| {
            let label = *batch.labels.get(place + 1)?;
            (label != IGNORE).then_some((i64::try_from(place).ok()?, label))
        });
        let (positions, targets) = pairs.unzip();
        Self { positions, targets }
    }
}

/// A batch for an adapter beside `decoder`, on the decoder's device and off the tape: its ids, its trained
/// `positions`, and its context, made once for all passes over it, which keeps packed rows apart.
#[must_use]
pub fn adapter_batch(
    decoder: &Decoder,
    batch: &TokenBatch,
    positions: Vec<i64>,
    dropout_seed: u64,
) -> AdapterBatch {
    let device = decoder.device().inner();
    let ids: Vec<i64> = batch.input_ids.iter().map(|id| i64::from(*id)).collect();
    let ids = TensorData::new(ids, [batch.rows, batch.width]);
    let count = positions.len();
    let context = if batch.packed_lengths.is_empty() {
        decoder.padded_context(&batch.lengths, batch.width)
    } else {
        decoder.packed_context(&batch.packed_lengths, batch.width)
    };
    AdapterBatch {
        ids: Tensor::<2, Int>::from_data(ids, &device),
        trained_positions: Tensor::<1, Int>::from_data(
            TensorData::new(positions, [count]),
            &device,
        ),
        dropout_seed,
        context: Some(context),
    }
}

/// Hidden states at the trained positions.
///
/// # Shapes
///
/// - result: `[trained, hidden]`
#[must_use]
pub fn trained_hidden(decoder: &Decoder, adapter: &dyn Adapter, batch: &AdapterBatch) -> Tensor<2> {
    let hidden = decoder.hidden_in(batch.ids.clone(), &batch.context_in(decoder), adapter);
    let [rows, tokens, width] = hidden.dims();
    let hidden = hidden.reshape([rows * tokens, width]);
    hidden.select(0, batch.trained_positions.clone())
}
