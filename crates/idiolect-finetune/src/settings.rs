//! Settings of a fine-tuning beside those of the adapter and of the loop.

mod tracker;

pub use tracker::Tracker;

use std::fmt;
use std::path::PathBuf;

use idiolect_data::DataSettings;
use idiolect_lm::Dtype;
use idiolect_tokens::Truncation;
use idiolect_train::{RateRatio, TrainConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FineTuneError, Loss};

/// A larger factor of the learning rate is a slip.
const MOST_RATIO: f64 = 1e6;

/// Settings of a fine-tuning beside [`idiolect_lora::LoraConfig`] and [`TrainConfig`]. In files, a field that is
/// left out has its default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FineTuneSettings {
    /// Train every weight of the model in f32, not an adapter. Default false.
    pub full: bool,
    /// Type on disk of the model that `full` writes: f32, bf16 or f16. Default bf16 where it trains in bf16, else that
    /// of the model's files, which is taken to be f16 where those are quantised.
    pub stored: Option<Dtype>,
    /// Start from the adapter in this folder; it brings rank, alpha, targets and every other option of its own
    /// with it, and others beside it are refused. Default none.
    pub init_adapter: Option<PathBuf>,
    /// New words of the vocabulary, recognised wherever the data has them; their rows in embedding and head
    /// start as the mean of the others and train whole. Default none.
    pub add_tokens: Vec<String>,
    /// Learning rate of the second factor as a multiple of the other's, above 0 and at most 1000000 (`LoRA+`, arXiv
    /// 2402.12354).
    /// Default none: one rate for both.
    pub lora_plus_ratio: Option<f64>,
    /// What is minimised over the trained tokens: `ce`; `forward-kl` or `reverse-kl` to the base model, which need an
    /// `init_adapter`; or `stored-kl`, to the distributions that `distill` recorded with `logprobs`. Default `ce`.
    pub loss: Loss,
    /// Devices that share the micro-batches of each step, for example `cuda:0` and `cuda:1`; each holds the
    /// model, the first has optimiser, checkpoints and evaluations. Default: the one of the model.
    pub devices: Vec<String>,
    /// Most tokens of a row, from 1 to the model's positions. Default: the model's positions.
    pub max_length: Option<usize>,
    /// What becomes of longer rows. Default `error`.
    pub truncation: Truncation,
    /// Whether the rows of a JSON Lines file are read and encoded as they are needed, in an order by bytes and
    /// not by tokens, instead of being held in memory. Default: above 64 MiB.
    pub lazy: Option<bool>,
    /// Whether several examples share a row of up to `max_length` tokens, each of which sees itself alone;
    /// `batch_size` then counts such rows. Default false.
    pub packing: bool,
    /// Whether blocks are computed again in the backward pass, which saves memory. Default `auto`.
    pub activation_checkpointing: ActivationCheckpointing,
    /// Whether event files for `TensorBoard` are written into the run directory's `tensorboard/`. Default false.
    pub tensorboard: bool,
    /// Server that gets the numbers of the run as they come, written `mlflow:URL`. Default none.
    pub track: Option<Tracker>,
    /// Share of the examples that is held out and evaluated, at least 0 and below 1; above 0 it must hold out at
    /// least one. Default 0.
    pub validation_share: f64,
    /// Examples that are held out and evaluated, in the format of `data`. Default none.
    pub eval_data: Option<PathBuf>,
    /// Use this many of them, drawn by the seed; at least 1. Default all.
    pub eval_sample: Option<usize>,
}

/// Whether activations are kept or computed again in the backward pass (Chen et al., arXiv 1604.06174).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ActivationCheckpointing {
    /// Computed again where the plan of memory would take more than 60 % of what is free.
    #[default]
    Auto,
    /// Only the input of each block is kept.
    On,
    /// Everything is kept.
    Off,
}

impl fmt::Display for ActivationCheckpointing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

impl FineTuneSettings {
    /// Refuses numbers out of range and settings that do not go together.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] names the first of them.
    pub fn check(&self) -> Result<(), FineTuneError> {
        if !(0.0..1.0).contains(&self.validation_share) {
            let found = self.validation_share;
            return Err(FineTuneError::setting(
                "validation_share",
                "at least 0 and below 1",
                found,
            ));
        }
        self.check_eval_data()?;
        if self.max_length == Some(0) {
            return Err(FineTuneError::setting("max_length", "at least 1", "0"));
        }
        if self.packing && self.max_length.is_none() {
            return Err(FineTuneError::setting(
                "packing",
                "a max_length beside it",
                "none",
            ));
        }
        let ratio = self.lora_plus_ratio.unwrap_or(1.0);
        if !(0.0 < ratio && ratio <= MOST_RATIO) {
            let expected = format!("a number above 0 and at most {MOST_RATIO}");
            return Err(FineTuneError::setting("lora_plus_ratio", expected, ratio));
        }
        self.check_start()
    }

    /// Refuses two ways to hold rows out at once, and a sample of nothing.
    fn check_eval_data(&self) -> Result<(), FineTuneError> {
        self.check_one_way(self.eval_data.is_some())?;
        match (self.eval_sample, &self.eval_data) {
            (Some(0), _) => Err(FineTuneError::setting("eval_sample", "at least 1", 0)),
            (Some(found), None) => {
                let expected = "nothing without eval_data";
                Err(FineTuneError::setting("eval_sample", expected, found))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a share of the data to evaluate where other rows are given for that.
    pub(crate) fn check_one_way(&self, are_given: bool) -> Result<(), FineTuneError> {
        if are_given && self.validation_share > 0.0 {
            let (expected, found) = ("0 beside eval_data", self.validation_share);
            return Err(FineTuneError::setting("validation_share", expected, found));
        }
        Ok(())
    }

    /// Which examples `eval_data` names, read as those that are trained on are; none where it names none.
    #[must_use]
    pub fn held_out(&self, data: &DataSettings) -> Option<DataSettings> {
        let path = self.eval_data.clone()?;
        Some(DataSettings {
            data: vec![path],
            weights: Vec::new(),
            sample: self.eval_sample,
            ..data.clone()
        })
    }

    /// Refuses what does not go with the adapter that a run starts from.
    fn check_start(&self) -> Result<(), FineTuneError> {
        if self.init_adapter.is_some() {
            if self.add_tokens.is_empty() {
                return Ok(());
            }
            let expected = "nothing beside init_adapter, which brings its own";
            let found = self.add_tokens.join(",");
            return Err(FineTuneError::setting("add_tokens", expected, found));
        }
        if self.loss.divergence().is_none() {
            return Ok(());
        }
        // An adapter that starts as the base model has no divergence from it, and no gradient of one.
        let expected = "ce, or an init_adapter beside it";
        Err(FineTuneError::setting("loss", expected, self.loss))
    }

    /// Refuses a share above 0 that holds out nothing.
    pub(crate) fn check_held_out(&self, rows: usize, held_out: usize) -> Result<(), FineTuneError> {
        if self.validation_share <= 0.0 || held_out > 0 {
            return Ok(());
        }
        let expected = "0, or enough rows to hold some of them out";
        let found = format!("{} of {rows}", self.validation_share);
        Err(FineTuneError::setting("validation_share", expected, found))
    }

    /// The configuration of the loop with what these settings decide of it.
    pub(crate) fn loop_config(&self, config: &TrainConfig) -> Result<TrainConfig, FineTuneError> {
        let second = |ratio| RateRatio {
            field: "b".to_owned(),
            ratio,
        };
        let mut config = config.clone();
        config.packing = self.max_length.filter(|_| self.packing).or(config.packing);
        config.rate_ratios.extend(self.lora_plus_ratio.map(second));
        let mut checked = config.clone();
        if checked.has_auto_batch() {
            checked.batch_size = TrainConfig::default().batch_size;
        }
        checked.validate()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(settings: FineTuneSettings) -> String {
        settings.check().unwrap_err().to_string()
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_name() {
        let plain = FineTuneSettings::default;
        assert!(plain().check().is_ok());
        let share = |validation_share| FineTuneSettings {
            validation_share,
            ..plain()
        };
        for value in [f64::NAN, f64::INFINITY, -0.1, 1.0] {
            let error = refused(share(value));
            assert!(
                error.starts_with("validation_share: expected at least 0"),
                "{error}"
            );
        }
        for value in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            let error = refused(FineTuneSettings {
                lora_plus_ratio: Some(value),
                ..plain()
            });
            assert!(error.starts_with("lora_plus_ratio: expected"), "{error}");
        }
        let error = refused(FineTuneSettings {
            max_length: Some(0),
            ..plain()
        });
        assert_eq!(error, "max_length: expected at least 1, found 0");
    }

    #[test]
    fn settings_that_do_not_go_together_are_refused() {
        let plain = FineTuneSettings::default;
        let error = refused(FineTuneSettings {
            packing: true,
            ..plain()
        });
        assert_eq!(
            error,
            "packing: expected a max_length beside it, found none"
        );
        let error = refused(FineTuneSettings {
            loss: Loss::ReverseKl,
            ..plain()
        });
        let expected = "loss: expected ce, or an init_adapter beside it, found reverse-kl";
        assert_eq!(error, expected);
        let error = refused(FineTuneSettings {
            init_adapter: Some("adapter".into()),
            add_tokens: vec!["<x>".to_owned()],
            ..plain()
        });
        assert!(
            error.starts_with("add_tokens: expected nothing beside init_adapter"),
            "{error}"
        );
    }

    #[test]
    fn a_loss_is_read_by_its_name_and_another_name_is_refused() {
        for loss in [
            Loss::CrossEntropy,
            Loss::ForwardKl,
            Loss::ReverseKl,
            Loss::StoredKl,
        ] {
            assert_eq!(loss.to_string().parse::<Loss>().unwrap(), loss);
            let json = serde_json::to_string(&loss).unwrap();
            assert_eq!(json, format!("\"{loss}\""));
        }
        let error = "js".parse::<Loss>().unwrap_err().to_string();
        assert_eq!(
            error,
            "loss: expected ce, forward-kl, reverse-kl or stored-kl, found js"
        );
    }

    #[test]
    fn the_loop_gets_its_packing_and_the_rate_of_the_second_factor() {
        let settings = FineTuneSettings {
            packing: true,
            max_length: Some(64),
            lora_plus_ratio: Some(16.0),
            ..FineTuneSettings::default()
        };
        let config = settings.loop_config(&TrainConfig::default()).unwrap();
        assert_eq!(config.packing, Some(64));
        assert_eq!(config.rate_ratios[0].field, "b");
        let plain = FineTuneSettings::default();
        let same = plain.loop_config(&TrainConfig::default()).unwrap();
        assert_eq!(same, TrainConfig::default());
    }
}
