//! A batch of token rows as tensors, and the hidden states at the positions that predict a trained token.

use burn::tensor::{Device, Int, Tensor, TensorData};
use idiolect_lora::AdapterBatch;
use idiolect_model::{Adapter, Context, Decoder};
use idiolect_tokens::{IGNORE, TokenBatch};

/// Hidden states at the trained positions.
///
/// # Shapes
///
/// - result: `[trained, hidden]`
#[must_use]
pub fn chosen(
    decoder: &Decoder,
    adapter: &dyn Adapter,
    positions: &AdapterBatch,
    context: &Context,
) -> Tensor<2> {
    let hidden = decoder.hidden_in(positions.ids.clone(), context, adapter);
    let [rows, tokens, width] = hidden.dims();
    let hidden = hidden.reshape([rows * tokens, width]);
    hidden.select(0, positions.trained.clone())
}

/// Where the tokens of a batch stand, and what each sees.
#[must_use]
pub fn context(decoder: &Decoder, batch: &TokenBatch) -> Context {
    if batch.parts.is_empty() {
        decoder.context(batch.width)
    } else {
        decoder.packed_context(&batch.parts, batch.width)
    }
}

/// Flat positions whose next token is trained, and those tokens.
#[must_use]
pub fn trained(batch: &TokenBatch) -> (Vec<i64>, Vec<i64>) {
    let last = |place: &usize| (place + 1).is_multiple_of(batch.width);
    let places = (0..batch.rows * batch.width).filter(|place| !last(place));
    let pairs = places.filter_map(|place| {
        let label = *batch.labels.get(place + 1)?;
        (label != IGNORE).then_some((i64::try_from(place).ok()?, label))
    });
    pairs.unzip()
}

/// The ids of a batch and the flat positions `places` as tensors on a device; `seed` is that of dropout.
#[must_use]
pub fn positions(batch: &TokenBatch, places: Vec<i64>, seed: u64, device: &Device) -> AdapterBatch {
    let ids: Vec<i64> = batch.input_ids.iter().map(|id| i64::from(*id)).collect();
    let ids = TensorData::new(ids, [batch.rows, batch.width]);
    let count = places.len();
    AdapterBatch {
        ids: Tensor::<2, Int>::from_data(ids, device),
        trained: Tensor::<1, Int>::from_data(TensorData::new(places, [count]), device),
        seed,
    }
}
