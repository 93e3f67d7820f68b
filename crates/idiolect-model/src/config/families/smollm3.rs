//! `SmolLM3`: Llama with some layers whose queries and keys are not rotated.
//!
//! `no_rope_layers` has a 1 for each layer that is rotated; without it every `no_rope_layer_interval`-th is not.
//! Source: `SmolLM3Config`.

use serde_json::Value;

use super::{Defaults, Family, biases, window, write_biases};
use crate::config::fields::Fields;
use crate::config::switches::Switches;
use crate::{ModelConfig, ModelError};

/// What an absent `no_rope_layer_interval` means.
const INTERVAL: usize = 4;

pub(super) const FAMILY: Family = Family {
    class: "SmolLM3ForCausalLM",
    model_type: "smollm3",
    defaults: Defaults {
        kv_heads: Some(4),
        max_positions: 32_768,
        rope_theta: 2_000_000.0,
        tied: true,
        tokens: [Some(128_000), Some(128_001), Some(128_004)],
        ..Defaults::LLAMA
    },
    switches: |raw, config| {
        let unrotated = match rotated(raw, config)? {
            Some(rotated) => (0..config.num_layers)
                .filter(|layer| !rotated[*layer])
                .collect(),
            None => {
                let interval = raw.count("no_rope_layer_interval", Some(INTERVAL))?;
                let skips = |layer: &usize| (layer + 1).is_multiple_of(interval);
                (0..config.num_layers).filter(skips).collect()
            }
        };
        Ok(Switches {
            unrotated,
            ..biases(raw)?
        })
    },
    window: |raw, config| {
        // Its window is for the layers that are not rotated alone.
        let window = window::where_used(raw)?;
        let layers = raw.get("layer_types").is_some();
        match window {
            Some(_) if layers => window::from_a_layer_on(raw, config),
            Some(window) => Err(raw.wrong("sliding_window", window::ONE_KIND, window)),
            None => Ok(None),
        }
    },
    write: |config, json| {
        let skips = &config.switches.unrotated;
        let rotated = (0..config.num_layers).map(|layer| u8::from(!skips.contains(&layer)));
        json.insert("no_rope_layers".into(), rotated.collect::<Value>());
        write_biases(config, json);
        window::write_with_flag(config, json);
    },
};

/// `no_rope_layers`, at least one number for each layer.
fn rotated(raw: &Fields<'_>, config: &ModelConfig) -> Result<Option<Vec<bool>>, ModelError> {
    let Some(list) = raw.get("no_rope_layers") else {
        return Ok(None);
    };
    let one = |value: &Value| value.as_u64().filter(|n| *n <= 1).map(|n| n == 1);
    let all: Option<Vec<bool>> = list
        .as_array()
        .and_then(|list| list.iter().map(one).collect());
    let all = all.filter(|all| all.len() >= config.num_layers);
    let expected = format!("0 or 1 for each of {} layers", config.num_layers);
    let wrong = || raw.wrong("no_rope_layers", &expected, list);
    all.map(Some).ok_or_else(wrong)
}
