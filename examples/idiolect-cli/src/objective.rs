//! Joins decoder and adapter to the training loop: cross entropy of the trained tokens, Eq. 5 of
//! arXiv 2402.13669.

use burn::tensor::{Device, Int, Tensor, TensorData};
use idiolect::lora::{LoraAdapter, Positions, Tape, adapter_gradients};
use idiolect::model::{Adapter, Decoder};
use idiolect::tokens::{IGNORE, TokenBatch};
use idiolect::train::{
    BoxError, CHUNK_ROWS, LossSum, Measured, Objective, Share, head_loss, head_nll,
};

/// The loss of an adapter on a frozen decoder.
pub struct AdapterLoss<'a> {
    /// The frozen weights.
    pub decoder: &'a Decoder,
    /// How much of the forward pass is kept for the way back.
    pub tape: Tape,
}

impl Objective<LoraAdapter> for AdapterLoss<'_> {
    fn gradients(
        &self,
        adapter: &LoraAdapter,
        batch: &TokenBatch,
        share: Share,
    ) -> Result<Measured, BoxError> {
        let (places, targets) = trained(batch);
        let positions = positions(batch, places, share.seed, &self.decoder.device());
        let mut sum = 0.0;
        let head = |hidden: Tensor<2>| {
            let weight = self.decoder.head();
            let loss = head_loss(&hidden, &targets, &weight, share.divisor, CHUNK_ROWS);
            sum = loss.sum;
            Ok::<_, BoxError>(loss.gradient)
        };
        let gradients = adapter_gradients(self.decoder, adapter, &positions, self.tape, head)?;
        Ok(Measured {
            loss: LossSum {
                sum,
                trained_tokens: targets.len(),
            },
            gradients,
        })
    }

    fn loss(&self, adapter: &LoraAdapter, batch: &TokenBatch) -> Result<LossSum, BoxError> {
        let nll = token_nll(self.decoder, adapter, batch);
        Ok(LossSum {
            sum: nll.iter().map(|x| f64::from(*x)).sum(),
            trained_tokens: nll.len(),
        })
    }
}

/// Negative log-likelihood in nats of every trained token of a batch, row by row.
pub fn token_nll(decoder: &Decoder, adapter: &dyn Adapter, batch: &TokenBatch) -> Vec<f32> {
    let (places, targets) = trained(batch);
    let positions = positions(batch, places, 0, &decoder.device());
    let hidden = decoder.hidden(positions.ids, adapter);
    let [rows, tokens, width] = hidden.dims();
    let chosen = hidden
        .reshape([rows * tokens, width])
        .select(0, positions.trained);
    head_nll(&chosen, &targets, &decoder.head(), CHUNK_ROWS)
}

/// Flat positions whose next token is trained, and those tokens.
fn trained(batch: &TokenBatch) -> (Vec<i64>, Vec<i64>) {
    let last = |place: &usize| (place + 1).is_multiple_of(batch.width);
    let places = (0..batch.rows * batch.width).filter(|place| !last(place));
    let pairs = places.filter_map(|place| {
        let label = *batch.labels.get(place + 1)?;
        (label != IGNORE).then_some((i64::try_from(place).ok()?, label))
    });
    pairs.unzip()
}

fn positions(batch: &TokenBatch, places: Vec<i64>, seed: u64, device: &Device) -> Positions {
    let ids: Vec<i64> = batch.input_ids.iter().map(|id| i64::from(*id)).collect();
    let ids = TensorData::new(ids, [batch.rows, batch.width]);
    let count = places.len();
    Positions {
        ids: Tensor::<2, Int>::from_data(ids, device),
        trained: Tensor::<1, Int>::from_data(TensorData::new(places, [count]), device),
        seed,
    }
}
