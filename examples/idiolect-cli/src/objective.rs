//! Joins decoder and adapter to the training loop: cross entropy of the trained tokens, Eq. 5 of
//! arXiv 2402.13669, or the divergence from the decoder without the adapter at their positions.

use std::borrow::Cow;
use std::str::FromStr;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use idiolect::lora::{HeadGradient, LoraAdapter, Positions, Tape, adapter_gradients_in};
use idiolect::model::{Adapter, Context, Decoder, NoAdapter};
use idiolect::tokens::{IGNORE, TokenBatch};
use idiolect::train::{
    BoxError, CHUNK_ROWS, Divergence, Evaluated, HeadLoss, LossSum, Measured, Objective, Share,
    head_divergence, head_loss, head_nll, head_scores, trained_head_loss,
};

use crate::device::is_host;
use crate::error::CliError;

/// Tokens that the width of a batch is a multiple of on a device that tunes its kernels for each shape.
const WIDTH_STEP: usize = 32;

/// What is minimised over the trained tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The negative log-likelihood of each token.
    CrossEntropy,
    /// The divergence from the seed model's distribution of each token, without a temperature.
    Divergence(Divergence),
}

impl FromStr for Loss {
    type Err = CliError;

    fn from_str(name: &str) -> Result<Self, CliError> {
        match name {
            "ce" => Ok(Self::CrossEntropy),
            "forward-kl" => Ok(Self::Divergence(Divergence::Forward)),
            "reverse-kl" => Ok(Self::Divergence(Divergence::Reverse)),
            _ => Err(CliError::setting(
                "--loss",
                "ce, forward-kl or reverse-kl",
                name,
            )),
        }
    }
}

/// The loss of an adapter on a frozen decoder. Modules that train whole do so by their cross entropy alone.
pub struct AdapterLoss<'a> {
    /// The frozen weights.
    pub decoder: &'a Decoder,
    /// How much of the forward pass is kept for the way back.
    pub tape: Tape,
    /// What is minimised.
    pub loss: Loss,
}

impl AdapterLoss<'_> {
    /// The loss of a frozen head at hidden rows that predict `targets`; `positions` are those of the rows.
    fn head(
        &self,
        (hidden, weight): (&Tensor<2>, &Tensor<2>),
        targets: &[i64],
        (positions, context): (&Positions, &Context),
        divisor: f64,
    ) -> HeadLoss {
        match self.loss {
            Loss::CrossEntropy => head_loss(hidden, targets, weight, divisor, CHUNK_ROWS),
            Loss::Divergence(kind) => {
                let seed = chosen(self.decoder, &NoAdapter, positions, context);
                head_divergence((hidden, &seed), weight, kind, divisor, CHUNK_ROWS)
            }
        }
    }
}

impl Objective<LoraAdapter> for AdapterLoss<'_> {
    fn gradients(
        &self,
        adapter: &LoraAdapter,
        batch: &TokenBatch,
        share: Share,
    ) -> Result<Measured, BoxError> {
        let batch = &*even(batch, &self.decoder.device());
        let (places, targets) = trained(batch);
        let positions = positions(batch, places, share.seed, &self.decoder.device());
        let context = context(self.decoder, batch);
        let weight = adapter.valid().decoder(self.decoder).head();
        let mut sum = 0.0;
        let head = |hidden: Tensor<2>| {
            let (divisor, trains) = (share.divisor, adapter.whole.trains_head());
            let (loss, of_head) = if trains {
                let both = trained_head_loss(&hidden, &targets, &weight, divisor, CHUNK_ROWS);
                (both.0, Some(both.1))
            } else {
                let rows = (&hidden, &weight);
                (
                    self.head(rows, &targets, (&positions, &context), divisor),
                    None,
                )
            };
            sum = loss.sum;
            Ok::<_, BoxError>(HeadGradient {
                hidden: loss.gradient,
                weight: of_head,
            })
        };
        let model = (self.decoder, adapter);
        let gradients = adapter_gradients_in(context.clone(), model, &positions, self.tape, head)?;
        Ok(Measured {
            loss: LossSum {
                sum,
                trained_tokens: targets.len(),
            },
            gradients,
        })
    }

    fn loss(&self, adapter: &LoraAdapter, batch: &TokenBatch) -> Result<LossSum, BoxError> {
        Ok(self.evaluate(adapter, batch)?.loss)
    }

    fn evaluate(&self, adapter: &LoraAdapter, batch: &TokenBatch) -> Result<Evaluated, BoxError> {
        let batch = &*even(batch, &self.decoder.device());
        let (places, targets) = trained(batch);
        let decoder = adapter.decoder(self.decoder);
        let positions = positions(batch, places, 0, &decoder.device());
        let context = context(&decoder, batch);
        let hidden = chosen(&decoder, adapter, &positions, &context);
        let weight = decoder.head();
        let scores = head_scores(&hidden, &targets, &weight, CHUNK_ROWS);
        let sum = match self.loss {
            Loss::CrossEntropy => scores.nll.iter().map(|x| f64::from(*x)).sum(),
            Loss::Divergence(_) => {
                let rows = (&hidden, &weight);
                self.head(rows, &targets, (&positions, &context), 1.0).sum
            }
        };
        let trained_tokens = targets.len();
        Ok(Evaluated {
            loss: LossSum {
                sum,
                trained_tokens,
            },
            correct: Some(scores.correct.iter().filter(|right| **right).count()),
        })
    }
}

/// Negative log-likelihood in nats of every trained token of a batch, row by row.
pub fn token_nll(decoder: &Decoder, adapter: &dyn Adapter, batch: &TokenBatch) -> Vec<f32> {
    let (places, targets) = trained(batch);
    let positions = positions(batch, places, 0, &decoder.device());
    let hidden = chosen(decoder, adapter, &positions, &context(decoder, batch));
    head_nll(&hidden, &targets, &decoder.head(), CHUNK_ROWS)
}

/// Negative log-likelihood in nats of every trained token, and whether it is the likeliest, row by row.
pub fn token_scores(
    decoder: &Decoder,
    adapter: &dyn Adapter,
    batch: &TokenBatch,
) -> Vec<(f32, bool)> {
    let (places, targets) = trained(batch);
    let positions = positions(batch, places, 0, &decoder.device());
    let hidden = chosen(decoder, adapter, &positions, &context(decoder, batch));
    let scores = head_scores(&hidden, &targets, &decoder.head(), CHUNK_ROWS);
    scores.nll.into_iter().zip(scores.correct).collect()
}

/// The batch as the CPU takes it, or in one of few widths elsewhere.
fn even<'a>(batch: &'a TokenBatch, device: &Device) -> Cow<'a, TokenBatch> {
    if is_host(device) {
        Cow::Borrowed(batch)
    } else {
        Cow::Owned(batch.widened(WIDTH_STEP, 0))
    }
}

/// Hidden states at the trained positions, `[trained, hidden]`.
pub(crate) fn chosen(
    decoder: &Decoder,
    adapter: &dyn Adapter,
    positions: &Positions,
    context: &Context,
) -> Tensor<2> {
    let hidden = decoder.hidden_in(positions.ids.clone(), context, adapter);
    let [rows, tokens, width] = hidden.dims();
    let hidden = hidden.reshape([rows * tokens, width]);
    hidden.select(0, positions.trained.clone())
}

/// Where the tokens of a batch stand, and what each sees.
pub(crate) fn context(decoder: &Decoder, batch: &TokenBatch) -> Context {
    if batch.parts.is_empty() {
        decoder.context(batch.width)
    } else {
        decoder.packed_context(&batch.parts, batch.width)
    }
}

/// Flat positions whose next token is trained, and those tokens.
pub(crate) fn trained(batch: &TokenBatch) -> (Vec<i64>, Vec<i64>) {
    let last = |place: &usize| (place + 1).is_multiple_of(batch.width);
    let places = (0..batch.rows * batch.width).filter(|place| !last(place));
    let pairs = places.filter_map(|place| {
        let label = *batch.labels.get(place + 1)?;
        (label != IGNORE).then_some((i64::try_from(place).ok()?, label))
    });
    pairs.unzip()
}

pub(crate) fn positions(
    batch: &TokenBatch,
    places: Vec<i64>,
    seed: u64,
    device: &Device,
) -> Positions {
    let ids: Vec<i64> = batch.input_ids.iter().map(|id| i64::from(*id)).collect();
    let ids = TensorData::new(ids, [batch.rows, batch.width]);
    let count = places.len();
    Positions {
        ids: Tensor::<2, Int>::from_data(ids, device),
        trained: Tensor::<1, Int>::from_data(TensorData::new(places, [count]), device),
        seed,
    }
}
