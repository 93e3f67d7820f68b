//! Every setting of a training run in one flat file: the `run.toml` of a run directory.

use std::path::PathBuf;

use idiolect_data::settings::{read_file, resolve};
use idiolect_data::{DataSettings, RunDir};
use idiolect_forgetting::ForgettingSettings;
use idiolect_lm::ModelSettings;
use idiolect_lm::device::is_name_elsewhere;
use idiolect_lora::LoraConfig;
use idiolect_train::TrainConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::devices::check_names;
use crate::{ActivationCheckpointing, FineTuneError, FineTuneSettings, Loss};

/// Every setting of a training run; in files the parts are one flat table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TrainSettings {
    /// Which model, and where it computes.
    #[serde(flatten)]
    pub model: ModelSettings,
    /// Which examples.
    #[serde(flatten)]
    pub data: DataSettings,
    /// The shape of the adapter.
    #[serde(flatten)]
    pub lora: LoraConfig,
    /// The loop.
    #[serde(flatten)]
    pub train: TrainConfig,
    /// What is trained, on which rows, with which loss.
    #[serde(flatten)]
    pub finetune: FineTuneSettings,
    /// How much the run makes the model forget; by default that is not measured.
    #[serde(flatten)]
    pub forgetting: ForgettingSettings,
    /// The run directory. Default none.
    pub out: Option<PathBuf>,
}

impl TrainSettings {
    /// Refuses what can be refused without a look at the model or the data.
    ///
    /// # Errors
    ///
    /// Those of the parts; [`FineTuneError::Setting`] for `devices` beside another `device`, and for settings
    /// of an adapter beside `full`.
    pub fn check(&self) -> Result<(), FineTuneError> {
        self.model.check()?;
        self.check_run()
    }

    /// As [`TrainSettings::check`] for a model that is open already.
    pub(crate) fn check_run(&self) -> Result<(), FineTuneError> {
        self.check_elsewhere()?;
        self.finetune.check()?;
        self.forgetting.check(0)?;
        self.finetune.loop_config(&self.train)?;
        if self.finetune.full {
            self.check_full()?;
        } else {
            if let Some(stored) = self.finetune.stored {
                return Err(FineTuneError::setting(
                    "stored",
                    "nothing without full",
                    stored,
                ));
            }
            self.lora.check()?;
            if self.finetune.init_adapter.is_none() {
                self.check_alphas()?;
            }
        }
        check_names(&self.finetune.devices, self.train.accumulation)
    }

    /// Refuses what another machine's device cannot have, before it is connected.
    fn check_elsewhere(&self) -> Result<(), FineTuneError> {
        let mut names = std::iter::once(&self.model.device).chain(&self.finetune.devices);
        let Some(name) = names.find(|name| is_name_elsewhere(name)) else {
            return Ok(());
        };
        if self.model.quantize.is_some() {
            let expected = format!("nothing beside {name}, where weights are in floats");
            return Err(FineTuneError::setting("quantize", expected, "a value"));
        }
        if self.finetune.full {
            let expected = format!("an adapter beside {name}, over which weights do not move");
            return Err(FineTuneError::setting("full", expected, "true"));
        }
        Ok(())
    }

    /// Where the rows of a micro-batch are left open, takes those that the run directory's own settings have, so that
    /// a run resumes as it was begun however much memory is free today.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Lm`] for a file that is no settings.
    pub(crate) fn keep_batch(&mut self) -> Result<(), FineTuneError> {
        let file = self.out.as_ref().map(|out| RunDir::new(out).run_toml());
        let Some(file) = file.filter(|file| self.train.has_auto_batch() && file.is_file()) else {
            return Ok(());
        };
        let before: Self = resolve(&[read_file(&file)?])?;
        if before.train.rows_of_step() == self.train.rows_of_step() {
            self.train.batch_size = before.train.batch_size;
            self.train.accumulation = before.train.accumulation;
        }
        Ok(())
    }

    /// An adapter of a file may have any scale; one that is to be trained has one that lets it move.
    fn check_alphas(&self) -> Result<(), FineTuneError> {
        let others = self.lora.alpha_pattern.iter();
        let others = others.map(|(_, alpha)| ("alpha_pattern", *alpha));
        let mut alphas = std::iter::once(("alpha", self.lora.alpha)).chain(others);
        match alphas.find(|(_, alpha)| *alpha <= 0.0) {
            Some((name, alpha)) => Err(FineTuneError::setting(name, "above 0", alpha)),
            None => Ok(()),
        }
    }

    /// Where the run's own model is opened: on `device`, or on the first of `devices`.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] for `devices` beside another `device` than the default and their first.
    pub(crate) fn first_device(&self) -> Result<ModelSettings, FineTuneError> {
        let (model, names) = (&self.model, &self.finetune.devices);
        let Some(first) = names.first() else {
            return Ok(model.clone());
        };
        if model.device != ModelSettings::default().device && model.device != *first {
            let expected = "nothing beside device, or that device as their first";
            return Err(FineTuneError::setting("devices", expected, names.join(",")));
        }
        Ok(ModelSettings {
            device: first.clone(),
            ..model.clone()
        })
    }

    /// Refuses the settings that are about an adapter or several devices, and weights that cannot be trained.
    fn check_full(&self) -> Result<(), FineTuneError> {
        let (own, lora, plain) = (&self.finetune, &self.lora, LoraConfig::default());
        let others = [
            ("quantize", self.model.quantize.is_some()),
            ("devices", !own.devices.is_empty()),
            ("init_adapter", own.init_adapter.is_some()),
            ("lora_plus_ratio", own.lora_plus_ratio.is_some()),
            ("rank", lora.rank != plain.rank),
            ("alpha", lora.alpha.to_bits() != plain.alpha.to_bits()),
            ("targets", lora.targets != plain.targets),
            ("exclude_modules", lora.exclude_modules.is_some()),
            ("dora", lora.dora),
            ("lora_bias", lora.lora_bias),
            ("rslora", lora.scaling != plain.scaling),
            ("rank_pattern", !lora.rank_pattern.is_empty()),
            ("alpha_pattern", !lora.alpha_pattern.is_empty()),
            ("dropout", lora.dropout.to_bits() != plain.dropout.to_bits()),
            ("init", lora.init != plain.init),
            ("layers", lora.layers.is_some()),
            ("modules_to_save", !lora.modules_to_save.is_empty()),
        ];
        if let Some((name, _)) = others.iter().find(|(_, given)| *given) {
            return Err(FineTuneError::setting(
                *name,
                "nothing beside full",
                "a value",
            ));
        }
        if let Some(found @ idiolect_lm::Dtype::F16) = self.model.dtype {
            return Err(FineTuneError::setting(
                "dtype",
                "f32 or bf16 beside full",
                found,
            ));
        }
        if own.activation_checkpointing == ActivationCheckpointing::On {
            let (name, found) = ("activation_checkpointing", own.activation_checkpointing);
            return Err(FineTuneError::setting(
                name,
                "auto or off beside full",
                found,
            ));
        }
        match own.loss {
            Loss::CrossEntropy => Ok(()),
            other => Err(FineTuneError::setting("loss", "ce beside full", other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use idiolect_data::settings::{Layer, duplicates, keys, resolve, to_toml};

    use super::*;

    fn parsed(text: &str) -> TrainSettings {
        let values = toml::from_str(text).unwrap();
        let name = "test".to_owned();
        resolve(&[Layer { name, values }]).unwrap()
    }

    #[test]
    fn every_key_belongs_to_one_part() {
        assert_eq!(duplicates::<TrainSettings>(), Vec::<String>::new());
        let keys = keys::<TrainSettings>();
        for key in [
            "model",
            "data",
            "rank",
            "rslora",
            "seed",
            "packing",
            "max_length",
            "out",
        ] {
            assert!(
                keys.iter().any(|name| name == key),
                "{key} is not in {keys:?}"
            );
        }
        assert!(
            !keys
                .iter()
                .any(|name| name == "scaling" || name == "rate_ratios")
        );
    }

    #[test]
    fn what_is_written_is_read_back_and_holds_every_default() {
        let settings = TrainSettings {
            lora: LoraConfig {
                rank_pattern: vec![("q_proj".into(), 2)],
                ensure_weight_tying: true,
                ..LoraConfig::default()
            },
            finetune: FineTuneSettings {
                max_length: Some(64),
                packing: true,
                ..FineTuneSettings::default()
            },
            out: Some("runs/a".into()),
            ..parsed("model = \"m\"\ndata = [\"a.jsonl\"]\nlearning_rate = 3e-4\n")
        };
        let text = to_toml(&settings).unwrap();
        for line in [
            "rank = 8",
            "targets = \"q_proj,v_proj\"",
            "rslora = false",
            "adam_beta1 = 0.9",
            "schedule = \"cosine\"",
            "loss = \"ce\"",
            "truncation = \"error\"",
            "activation_checkpointing = \"auto\"",
            "packing = true",
        ] {
            assert!(
                text.lines().any(|own| own == line),
                "{line} is not in:\n{text}"
            );
        }
        assert_eq!(parsed(&text), settings);
    }

    #[test]
    fn settings_of_an_adapter_are_refused_beside_full() {
        let refused = |text: &str| parsed(text).check_run().unwrap_err().to_string();
        let full = "model = \"m\"\nfull = true\n";
        assert!(parsed(full).check_run().is_ok());
        for setting in [
            "rank = 4",
            "dora = true",
            "quantize = 8",
            "modules_to_save = [\"norm\"]",
        ] {
            let name = setting.split(' ').next().unwrap();
            let error = refused(&format!("{full}{setting}\n"));
            assert_eq!(
                error,
                format!("{name}: expected nothing beside full, found a value")
            );
        }
        assert!(
            parsed(&format!("{full}dtype = \"bf16\"\n"))
                .check_run()
                .is_ok()
        );
        let error = refused(&format!("{full}dtype = \"f16\"\n"));
        assert_eq!(error, "dtype: expected f32 or bf16 beside full, found f16");
        let error = refused(&format!("{full}activation_checkpointing = \"on\"\n"));
        let expected = "activation_checkpointing: expected auto or off beside full, found on";
        assert_eq!(error, expected);
    }

    #[test]
    fn the_first_of_several_devices_is_the_runs_own() {
        let device = |text: &str| parsed(text).first_device().map(|model| model.device);
        assert_eq!(device("device = \"flex\"").unwrap(), "flex");
        assert_eq!(device("devices = [\"flex\", \"flex\"]").unwrap(), "flex");
        let error = device("device = \"cuda\"\ndevices = [\"flex\"]")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("devices: expected nothing beside device"),
            "{error}"
        );
    }
}
