//! Settings as a checkpoint holds them: with the three that no file of settings has beside the others.
//!
//! Checkpoints of earlier versions name Adam's three settings without `adam_`, which [`TrainConfig`] reads.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{RateRatio, TrainConfig};

/// The settings of a run, whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredConfig(pub(crate) TrainConfig);

/// The fields in a file.
#[derive(Serialize)]
struct Fields<'a> {
    #[serde(flatten)]
    config: &'a TrainConfig,
    packing: Option<usize>,
    updates_per_window: usize,
    rate_ratios: &'a [RateRatio],
}

impl Serialize for StoredConfig {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(config) = self;
        let fields = Fields {
            config,
            packing: config.packing,
            updates_per_window: config.updates_per_window,
            rate_ratios: &config.rate_ratios,
        };
        fields.serialize(to)
    }
}

impl<'de> Deserialize<'de> for StoredConfig {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read(Map::deserialize(from)?).map_err(D::Error::custom)
    }
}

fn read(mut fields: Map<String, Value>) -> Result<StoredConfig, serde_json::Error> {
    let packing = fields.remove("packing").unwrap_or_default();
    let updates_per_window = fields.remove("updates_per_window").unwrap_or(1.into());
    let rate_ratios = fields
        .remove("rate_ratios")
        .unwrap_or(Value::Array(Vec::new()));
    Ok(StoredConfig(TrainConfig {
        packing: serde_json::from_value(packing)?,
        updates_per_window: serde_json::from_value(updates_per_window)?,
        rate_ratios: serde_json::from_value(rate_ratios)?,
        ..serde_json::from_value(Value::Object(fields))?
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What version 0.1.0 wrote into `state.json`.
    const EARLIER: &str = r#"{"epochs": 3, "batch_size": 2, "accumulation": 4, "learning_rate": 0.0003,
        "schedule": "linear", "warmup_steps": 0, "weight_decay": 0.0, "clip_norm": 1.0, "beta1": 0.8,
        "beta2": 0.99, "epsilon": 1e-6, "shuffle": true, "length_grouping": true, "packing": 256,
        "seed": 42, "checkpoint_every": 50, "keep_checkpoints": 2, "max_steps": null,
        "rate_ratios": [{"field": "b", "ratio": 4.0}], "eval_every": 0, "patience": null,
        "return_best": false}"#;

    #[test]
    fn settings_of_an_earlier_version_are_read_and_all_of_todays_come_back() {
        let StoredConfig(found) = serde_json::from_str(EARLIER).unwrap();
        let expected = TrainConfig {
            epochs: 3,
            learning_rate: 0.0003,
            schedule: crate::Schedule::Linear,
            adam_beta1: 0.8,
            adam_beta2: 0.99,
            adam_epsilon: 1e-6,
            packing: Some(256),
            rate_ratios: vec![RateRatio {
                field: "b".to_owned(),
                ratio: 4.0,
            }],
            ..TrainConfig::default()
        };
        assert_eq!(found, expected);
        let text = serde_json::to_string(&StoredConfig(expected.clone())).unwrap();
        assert!(
            text.contains("\"adam_beta1\":0.8") && text.contains("\"packing\":256"),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<StoredConfig>(&text).unwrap().0,
            expected
        );
    }

    #[test]
    fn a_setting_that_is_unknown_is_refused() {
        let error = serde_json::from_str::<StoredConfig>(r#"{"epoch": 3}"#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("unknown field `epoch`"), "{error}");
    }
}
