//! `adapter_config.json`: rank, scale and targets, in and out.
//!
//! An option that would change the arithmetic and is not supported is refused by name.

use std::collections::BTreeSet;
use std::path::Path;

use idiolect_model::Projection;
use serde_json::{Map, Value, json};

use crate::{LoraConfig, LoraError, Scaling, Targets};

pub(super) const CONFIG: &str = "adapter_config.json";

/// Reads rank, scale and named targets of an adapter folder.
///
/// # Errors
///
/// [`LoraError::Io`], [`LoraError::Json`] and [`LoraError::Setting`] as for [`crate::load`].
pub fn read_config(folder: &Path) -> Result<LoraConfig, LoraError> {
    let path = folder.join(CONFIG);
    let bytes = std::fs::read(&path).map_err(|source| LoraError::Io {
        path: path.clone(),
        source,
    })?;
    let json: Map<String, Value> =
        serde_json::from_slice(&bytes).map_err(|source| LoraError::Json {
            path: path.clone(),
            source,
        })?;
    let options = Options {
        json: &json,
        path: &path,
    };
    options.refuse_unsupported()?;
    let rank = options
        .get("r")
        .and_then(Value::as_u64)
        .and_then(|n| usize::try_from(n).ok());
    let rank = rank.filter(|rank| *rank > 0);
    let rank = rank.ok_or_else(|| options.wrong("r", "a positive whole number"))?;
    let alpha = options.get("lora_alpha").and_then(Value::as_f64);
    let alpha = alpha.ok_or_else(|| options.wrong("lora_alpha", "a number"))?;
    let stabilized = options.get("use_rslora") == Some(&Value::Bool(true));
    let scaling = if stabilized {
        Scaling::RankStabilized
    } else {
        Scaling::Standard
    };
    Ok(LoraConfig {
        rank,
        alpha,
        targets: options.targets(),
        scaling,
    })
}

struct Options<'a> {
    json: &'a Map<String, Value>,
    path: &'a Path,
}

impl Options<'_> {
    fn get(&self, field: &str) -> Option<&Value> {
        self.json.get(field).filter(|value| !value.is_null())
    }

    fn wrong(&self, field: &str, expected: &str) -> LoraError {
        LoraError::Setting {
            place: self.path.display().to_string(),
            field: field.into(),
            expected: expected.into(),
            found: self.get(field).map_or("nothing".into(), Value::to_string),
        }
    }

    /// Refuses whatever changes the arithmetic and is not at its plain value.
    fn refuse_unsupported(&self) -> Result<(), LoraError> {
        if self.get("peft_type").is_some_and(|kind| kind != "LORA") {
            return Err(self.wrong("peft_type", "LORA"));
        }
        if self.get("bias").is_some_and(|bias| bias != "none") {
            return Err(self.wrong("bias", "none"));
        }
        let plain = |value: &Value| match value {
            Value::Bool(on) => !on,
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        let fields = [
            "use_dora",
            "use_qalora",
            "use_bdlora",
            "lora_bias",
            "fan_in_fan_out",
            "modules_to_save",
            "rank_pattern",
            "alpha_pattern",
            "layer_replication",
            "trainable_token_indices",
            "alora_invocation_tokens",
            "target_parameters",
        ];
        match fields
            .iter()
            .find(|field| self.get(field).is_some_and(|value| !plain(value)))
        {
            Some(field) => Err(self.wrong(field, "off: this option is not supported")),
            None => Ok(()),
        }
    }

    /// Targets by name; a pattern counts as all, and the weight file decides.
    fn targets(&self) -> Targets {
        let listed = self
            .get("target_modules")
            .and_then(Value::as_array)
            .map(|names| {
                let known = |name: &Value| {
                    Projection::parse(name.as_str()?.rsplit('.').next().unwrap_or_default())
                };
                names.iter().filter_map(known).collect::<BTreeSet<_>>()
            });
        listed.map_or_else(Targets::all_linear, Targets)
    }
}

/// What PEFT reads; `base` is what it records as the base model.
pub(super) fn to_json(config: &LoraConfig, base: &str) -> Value {
    // Whole alphas are written as whole numbers, as PEFT writes them.
    let alpha = if config.alpha.fract() == 0.0 {
        format!("{:.0}", config.alpha)
            .parse::<i64>()
            .map_or(json!(config.alpha), |n| json!(n))
    } else {
        json!(config.alpha)
    };
    json!({
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base,
        "r": config.rank, "lora_alpha": alpha, "lora_dropout": 0.0, "bias": "none",
        "target_modules": config.targets.names(), "use_rslora": config.scaling == Scaling::RankStabilized,
        "use_dora": false, "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
        "modules_to_save": null, "layers_to_transform": null, "layers_pattern": null,
        "rank_pattern": {}, "alpha_pattern": {}, "revision": null,
    })
}
