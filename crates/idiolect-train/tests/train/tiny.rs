//! The model and the loss that the tests train: an embedding and a head that predict the next
//! token from the last one.

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Int, Tensor, TensorData, activation};
use idiolect_tokens::{IGNORE, TokenBatch, TokenRow};
use idiolect_train::{
    BoxError, Evaluated, LossSum, Objective, StepContext, StepLoss, StepRow, TrainError, Trained,
    Trainer, TrainerEvent,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) const VOCAB: usize = 17;
pub(crate) const WIDTH: usize = 6;

#[derive(Module, Debug)]
pub(crate) struct Tiny {
    pub(crate) embedding: Param<Tensor<2>>,
    pub(crate) head: Param<Tensor<2>>,
}

impl Tiny {
    pub(crate) fn new(embedding: Vec<f32>, head: Vec<f32>) -> Self {
        let device = Device::flex().autodiff();
        let param = |values, shape: [usize; 2]| {
            Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), &device))
        };
        Self {
            embedding: param(embedding, [VOCAB, WIDTH]),
            head: param(head, [WIDTH, VOCAB]),
        }
    }

    pub(crate) fn random(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut values = || {
            (0..VOCAB * WIDTH)
                .map(|_| random.random_range(-0.5..0.5))
                .collect()
        };
        Self::new(values(), values())
    }

    /// The same with both matrices in bf16.
    pub(crate) fn in_bf16(self) -> Self {
        let cast = |param: Param<Tensor<2>>| {
            let value = param.val().without_autodiff().cast(DType::BF16);
            Param::from_tensor(value.autodiff())
        };
        Self {
            embedding: cast(self.embedding),
            head: cast(self.head),
        }
    }

    pub(crate) fn values(&self) -> [Vec<f32>; 2] {
        [values(&self.embedding.val()), values(&self.head.val())]
    }
}

pub(crate) fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor
        .clone()
        .without_autodiff()
        .into_data()
        .iter::<f32>()
        .collect()
}

/// The sum of token losses by plain autodiff.
pub(crate) struct NextToken;

impl NextToken {
    pub(crate) fn sum(module: &Tiny, batch: &TokenBatch) -> (Tensor<1>, usize) {
        let (last, next) = pairs(batch);
        let count = next.len();
        let hidden = module
            .embedding
            .val()
            .select(0, ids(last, &module.embedding.device()));
        let logits = hidden.matmul(module.head.val());
        let chosen = ids(next, &logits.device()).unsqueeze_dim(1);
        (
            -activation::log_softmax(logits, 1).gather(1, chosen).sum(),
            count,
        )
    }
}

/// Each trained token of a batch, behind the token before it.
pub(crate) fn pairs(batch: &TokenBatch) -> (Vec<i64>, Vec<i64>) {
    (0..batch.labels.len())
        .filter(|at| at % batch.width > 0 && batch.labels[*at] != IGNORE)
        .map(|at| (i64::from(batch.input_ids[at - 1]), batch.labels[at]))
        .unzip()
}

pub(crate) fn ids(ids: Vec<i64>, device: &Device) -> Tensor<1, Int> {
    let count = ids.len();
    Tensor::from_data(TensorData::new(ids, [count]), device)
}

impl Objective<Tiny> for NextToken {
    fn gradients(
        &self,
        module: &Tiny,
        batch: &TokenBatch,
        step: StepContext,
    ) -> Result<StepLoss, BoxError> {
        let (sum, trained_tokens) = Self::sum(module, batch);
        Ok(StepLoss::new(module, sum, trained_tokens, step))
    }

    fn evaluate(&self, module: &Tiny, batch: &TokenBatch) -> Result<Evaluated, BoxError> {
        assert!(
            !module.embedding.is_require_grad(),
            "held-out rows leave no tape"
        );
        let (sum, trained_tokens) = Self::sum(module, batch);
        Ok(Evaluated::new(sum, trained_tokens))
    }
}

/// What a micro-batch gives.
pub(crate) type Computed = Result<StepLoss, BoxError>;

/// [`NextToken`] with a hand between it and the loop.
pub(crate) struct Through<F> {
    /// Gives the gradients, with the module and [`NextToken`]'s own computation of them at hand.
    pub(crate) between: F,
    /// How many tokens of held-out rows it calls right.
    pub(crate) correct: fn(LossSum) -> Option<usize>,
}

/// [`NextToken`] whose gradients come by way of `between`; it does not count right tokens.
pub(crate) fn through<F>(between: F) -> Through<F>
where
    F: Fn(&Tiny, &dyn Fn() -> Computed) -> Computed,
{
    Through {
        between,
        correct: |_| None,
    }
}

impl<F> Objective<Tiny> for Through<F>
where
    F: Fn(&Tiny, &dyn Fn() -> Computed) -> Computed,
{
    fn gradients(&self, module: &Tiny, batch: &TokenBatch, step: StepContext) -> Computed {
        (self.between)(module, &|| NextToken.gradients(module, batch, step))
    }

    fn evaluate(&self, module: &Tiny, batch: &TokenBatch) -> Result<Evaluated, BoxError> {
        let loss = NextToken.evaluate(module, batch)?.loss;
        let correct = (self.correct)(loss);
        Ok(Evaluated { loss, correct })
    }
}

/// Rows of unequal lengths with an untrained prompt of at least one token each.
pub(crate) fn random_rows(count: usize, seed: u64) -> Vec<TokenRow> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let row = |index: usize| {
        let length = random.random_range(2..12);
        let input_ids: Vec<u32> = (0..length)
            .map(|_| u32::try_from(random.random_range(0..VOCAB)).unwrap())
            .collect();
        let prompt = random.random_range(0..length);
        let label = |(at, &id): (usize, &u32)| if at < prompt { IGNORE } else { i64::from(id) };
        let labels = input_ids.iter().enumerate().map(label).collect();
        TokenRow {
            id: index.into(),
            input_ids,
            labels,
            teacher: Vec::new(),
        }
    };
    (0..count).map(row).collect()
}

/// Runs to the end and gives the step rows.
pub(crate) fn run(
    trainer: &Trainer<'_, Tiny>,
    module: Tiny,
) -> Result<(Trained<Tiny>, Vec<StepRow>), TrainError> {
    let mut rows = Vec::new();
    let trained = trainer.run(module, &mut |event| {
        if let TrainerEvent::Step { row, .. } = event {
            rows.push(row.clone());
        }
        ControlFlow::Continue(())
    })?;
    Ok((trained, rows))
}

/// Runs until `stop` says so.
pub(crate) fn run_until(
    trainer: &Trainer<'_, Tiny>,
    module: Tiny,
    stop: &mut dyn FnMut(&TrainerEvent<'_>) -> bool,
) -> Result<Trained<Tiny>, TrainError> {
    trainer.run(module, &mut |event| {
        if stop(&event) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
}

/// The metrics of a run's folder.
pub(crate) fn metrics(path: &Path) -> String {
    std::fs::read_to_string(path.join("metrics.jsonl")).unwrap()
}
