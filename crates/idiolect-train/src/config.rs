//! The settings of a training run, as plain data.
//!
//! They hold nothing about the model, the adapter or the text: only what the loop itself needs.
//! Where a default is called the paper's, it is that of self-distillation fine-tuning
//! (arXiv 2402.13669, section 4.1, and the scripts published with it).

mod batch_size;
mod ranges;

pub use batch_size::BatchSize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Schedule;

/// A learning rate of their own for some parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateRatio {
    /// Name of the field that holds them: the last part of a parameter's path.
    pub field: String,
    /// What their rate is of the schedule's, above 0 and at most 1000000.
    pub ratio: f64,
}

/// The settings of a training run. In files, a field that is left out has its default, and an
/// unknown one is refused. `packing`, `updates_per_window` and `rate_ratios` are set by programs alone: no file has
/// them.
///
/// ```
/// use idiolect_train::TrainConfig;
///
/// let config = TrainConfig { epochs: 5, ..TrainConfig::default() };
/// assert!(config.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own that is on or off"
)]
pub struct TrainConfig {
    /// Passes over the training rows, at least 1. Default 2, the paper's.
    pub epochs: usize,
    /// Rows of one forward and backward pass (a micro-batch), 1 to 65536.
    /// Default 2, from the paper's scripts; with `accumulation` it makes the paper's batch of 8.
    /// In files `auto`, here [`TrainConfig::AUTO_BATCH`], is chosen by the memory of the run before the loop begins,
    /// with an accumulation that leaves a step as many rows as micro-batches of the default would.
    #[serde(with = "batch_size")]
    #[schemars(with = "batch_size::Kinds")]
    pub batch_size: usize,
    /// Micro-batches of one optimiser step, 1 to 65536. Default 4, from the paper's scripts.
    pub accumulation: usize,
    /// The full learning rate, above 0 and at most 10. Default 1e-4, the paper's.
    pub learning_rate: f64,
    /// The course of the rate after the warm-up. Default cosine, the paper's.
    pub schedule: Schedule,
    /// Optimiser steps over which the rate rises linearly from 0, at most those of the run. Default 0, as in the
    /// scripts.
    pub warmup_steps: usize,
    /// Decoupled weight decay, 0 to 1000. Default 0, as in the paper's scripts.
    pub weight_decay: f64,
    /// Decay of the running mean of gradients, in [0, 1). Default 0.9, `torch.optim.AdamW`'s.
    #[serde(alias = "beta1")]
    pub adam_beta1: f64,
    /// Decay of the running mean of squares, in [0, 1). Default 0.999, `torch.optim.AdamW`'s.
    #[serde(alias = "beta2")]
    pub adam_beta2: f64,
    /// Added to the root of the squares' mean, above 0 and at most 1. Default 1e-8, `torch.optim.AdamW`'s.
    #[serde(alias = "epsilon")]
    pub adam_epsilon: f64,
    /// Largest global gradient norm, 0 to 1e9; 0 turns clipping off.
    /// Default 1.0, that of the scripts and of the Hugging Face trainer.
    pub clip_norm: f64,
    /// Whether each epoch has its own random order. Default true, as in the scripts.
    pub shuffle: bool,
    /// Whether rows of similar length share a micro-batch, and the longest micro-batch comes
    /// first, once. Default true, this project's choice: no batch waits on padding, and memory
    /// peaks in the first step.
    pub length_grouping: bool,
    /// Tokens of a line that several rows share; `batch_size` then counts lines, not rows. A longer
    /// row has a line of its own. Held-out rows are never packed. Default none.
    ///
    /// The objective must keep the rows of a line apart
    /// ([`crate::Objective::keeps_packed_rows_apart`]); another one is refused.
    #[serde(skip)]
    pub packing: Option<usize>,
    /// Optimiser steps on each window, one after the other, before the next one comes; at least 1. Default 1.
    #[serde(skip)]
    pub updates_per_window: usize,
    /// Seed of the order of rows and of everything random in the objective.
    /// Default 42, that of the Hugging Face trainer.
    pub seed: u64,
    /// Optimiser steps between checkpoints; 0 keeps none. Default 50, this project's choice:
    /// minutes of work at most are lost, and an adapter costs little to write.
    pub checkpoint_every: usize,
    /// Latest checkpoints that stay on disk, at least 1. Default 2, this project's choice.
    pub keep_checkpoints: usize,
    /// Optimiser steps of the run and its schedule, in place of `epochs`; at least 1. Default none.
    pub max_steps: Option<usize>,
    /// Parameters whose rate is not the schedule's: `LoRA+` (arXiv 2402.12354) gives the second
    /// factor of a low-rank adapter a higher one. The first that names a parameter's field holds.
    /// Default none.
    #[serde(skip)]
    pub rate_ratios: Vec<RateRatio>,
    /// Optimiser steps between evaluations of the held-out rows; 0 evaluates after each epoch.
    /// The last step is always followed by one. Default 0.
    pub eval_every: usize,
    /// Whether the held-out rows are evaluated before the first step, too, as `TrainingArguments` of transformers has
    /// it; that evaluation is none that `patience` and `return_best` know. Default false.
    pub eval_on_start: bool,
    /// Ends the run after this many evaluations in a row without a lower loss, at least 1.
    /// Default none: the run goes to its end.
    pub patience: Option<usize>,
    /// Whether the run gives the parameters of its lowest held-out loss instead of the last ones.
    /// Default false.
    pub return_best: bool,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 2,
            batch_size: 2,
            accumulation: 4,
            learning_rate: 1e-4,
            schedule: Schedule::Cosine,
            warmup_steps: 0,
            weight_decay: 0.0,
            adam_beta1: 0.9,
            adam_beta2: 0.999,
            adam_epsilon: 1e-8,
            clip_norm: 1.0,
            shuffle: true,
            length_grouping: true,
            packing: None,
            updates_per_window: 1,
            seed: 42,
            checkpoint_every: 50,
            keep_checkpoints: 2,
            max_steps: None,
            rate_ratios: Vec::new(),
            eval_every: 0,
            eval_on_start: false,
            patience: None,
            return_best: false,
        }
    }
}

impl TrainConfig {
    /// The `batch_size` of settings that leave it open.
    pub const AUTO_BATCH: usize = 0;

    /// Whether the rows of a micro-batch are still to be chosen; [`TrainConfig::validate`] refuses such settings.
    #[must_use]
    pub fn has_auto_batch(&self) -> bool {
        self.batch_size == Self::AUTO_BATCH
    }

    /// Rows of an optimiser step; where `batch_size` is left open, those of micro-batches of the default.
    #[must_use]
    pub fn rows_of_step(&self) -> usize {
        let rows = if self.has_auto_batch() {
            Self::default().batch_size
        } else {
            self.batch_size
        };
        rows.saturating_mul(self.accumulation)
    }

    /// Whether held-out rows are due after this many steps: after every so many, or after each epoch.
    pub(crate) fn is_evaluation_due(&self, done: usize, ends_epoch: bool) -> bool {
        match self.eval_every {
            0 => ends_epoch,
            every => done.is_multiple_of(every),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_their_range_are_refused_by_name() {
        let refused = |config: TrainConfig| config.validate().unwrap_err().to_string();
        let base = TrainConfig::default;
        assert_eq!(
            refused(TrainConfig {
                epochs: 0,
                ..base()
            }),
            "epochs: expected at least 1, found 0"
        );
        assert_eq!(
            refused(TrainConfig {
                learning_rate: f64::NAN,
                ..base()
            }),
            "learning_rate: expected above 0 and at most 10, found NaN"
        );
        assert!(
            refused(TrainConfig {
                adam_beta2: 1.0,
                ..base()
            })
            .contains("adam_beta2")
        );
        assert!(
            refused(TrainConfig {
                adam_epsilon: 0.0,
                ..base()
            })
            .contains("adam_epsilon")
        );
        assert!(
            refused(TrainConfig {
                max_steps: Some(0),
                ..base()
            })
            .contains("max_steps")
        );
    }

    #[test]
    fn numbers_beyond_the_upper_end_are_refused_by_name() {
        let base = TrainConfig::default;
        for (name, config) in [
            (
                "batch_size",
                TrainConfig {
                    batch_size: 65_537,
                    ..base()
                },
            ),
            (
                "accumulation",
                TrainConfig {
                    accumulation: usize::MAX,
                    ..base()
                },
            ),
            (
                "learning_rate",
                TrainConfig {
                    learning_rate: 10.1,
                    ..base()
                },
            ),
            (
                "weight_decay",
                TrainConfig {
                    weight_decay: -0.1,
                    ..base()
                },
            ),
            (
                "clip_norm",
                TrainConfig {
                    clip_norm: f64::INFINITY,
                    ..base()
                },
            ),
        ] {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name}: expected ")), "{error}");
        }
    }
}
