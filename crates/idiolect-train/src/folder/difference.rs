//! What makes a run another one than that of a checkpoint.

use std::collections::BTreeMap;

use serde_json::Value;

use super::stored::StoredConfig;
use crate::TrainConfig;

/// The first name of which two runs have other values.
pub(super) fn other_fixed(
    this: &BTreeMap<String, String>,
    other: &BTreeMap<String, String>,
) -> Option<(String, String)> {
    let mut names = this.keys().chain(other.keys());
    let name = names.find(|name| this.get(*name) != other.get(*name))?;
    let shown = |run: &BTreeMap<String, String>| match run.get(name) {
        Some(value) => format!("{name} {value}"),
        None => format!("no {name}"),
    };
    Some((shown(this), shown(other)))
}

/// The first setting that would make another run, as this run and as the other has it.
pub(super) fn difference(this: &TrainConfig, other: &TrainConfig) -> Option<(String, String)> {
    // How often a run is saved does not change what it computes.
    let same_saving = TrainConfig {
        checkpoint_every: this.checkpoint_every,
        keep_checkpoints: this.keep_checkpoints,
        ..other.clone()
    };
    // A number may lose its last bit on its way through JSON: both take that way.
    let here = serde_json::to_string(&StoredConfig(this.clone()))
        .and_then(|json| serde_json::from_str(&json))
        .ok()?;
    let Value::Object(here) = here else {
        return None;
    };
    let there = serde_json::to_value(StoredConfig(same_saving)).ok()?;
    here.into_iter().find_map(|(name, value)| {
        let theirs = &there[&name];
        let shown = |value: &Value| match value {
            Value::Null => format!("no {name}"),
            value => format!("{name} {value}"),
        };
        (*theirs != value).then(|| (shown(&value), shown(theirs)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_rate_is_its_own_after_a_way_through_json(learning_rate in 1e-9f64..1.0) {
            let config = TrainConfig { learning_rate, ..TrainConfig::default() };
            let json = serde_json::to_string(&StoredConfig(config.clone())).unwrap();
            let StoredConfig(read) = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(difference(&config, &read), None);
            let other = TrainConfig { learning_rate: learning_rate * 1.5, ..read };
            prop_assert!(difference(&config, &other).is_some());
        }
    }

    #[test]
    fn how_often_a_run_is_saved_makes_no_other_run() {
        let config = TrainConfig::default();
        let other = TrainConfig {
            checkpoint_every: 7,
            keep_checkpoints: 9,
            ..config.clone()
        };
        assert_eq!(difference(&config, &other), None);
    }

    #[test]
    fn packing_makes_another_run() {
        let config = TrainConfig::default();
        let other = TrainConfig {
            packing: Some(64),
            ..config.clone()
        };
        let expected = ("no packing".to_owned(), "packing 64".to_owned());
        assert_eq!(difference(&config, &other), Some(expected));
    }
}
