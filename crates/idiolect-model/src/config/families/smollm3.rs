//! `SmolLM3`: Llama with some layers whose queries and keys are not rotated.
//!
//! `no_rope_layers` has a 1 for each layer that is rotated; without it every `no_rope_layer_interval`-th is not.
//! Source: `SmolLM3Config`.

use serde_json::Value;

use super::biases::{biases, write_biases};
use super::family::{Asked, Defaults, Family};
use super::window;
use crate::ModelError;
use crate::config::switches::Switches;

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
    switches: |asked| {
        let unrotated = if let Some(rotated) = rotated(asked)? {
            (0..asked.layers).filter(|layer| !rotated[*layer]).collect()
        } else {
            let interval = asked.raw.count("no_rope_layer_interval", Some(INTERVAL))?;
            let skips = |layer: &usize| (layer + 1).is_multiple_of(interval);
            (0..asked.layers).filter(skips).collect()
        };
        Ok(Switches {
            unrotated,
            ..biases(asked.raw)?
        })
    },
    window: |asked| {
        // Its window is for the layers that are not rotated alone.
        let window = window::where_used(asked.raw)?;
        let layers = asked.raw.get("layer_types").is_some();
        match window {
            Some(_) if layers => window::from_a_layer_on(asked),
            Some(window) => Err(asked.raw.wrong("sliding_window", window::ONE_KIND, window)),
            None => Ok(None),
        }
    },
    write: |shape, json| {
        let skips = &shape.switches.unrotated;
        let rotated = (0..shape.layers).map(|layer| u8::from(!skips.contains(&layer)));
        json.insert("no_rope_layers".into(), rotated.collect::<Value>());
        write_biases(shape, json);
        window::write_with_flag(shape, json);
    },
    rope_parameters: None,
};

/// `no_rope_layers`, at least one number for each layer.
fn rotated(asked: &Asked<'_>) -> Result<Option<Vec<bool>>, ModelError> {
    let Some(list) = asked.raw.get("no_rope_layers") else {
        return Ok(None);
    };
    let one = |value: &Value| value.as_u64().filter(|n| *n <= 1).map(|n| n == 1);
    let all: Option<Vec<bool>> = list
        .as_array()
        .and_then(|list| list.iter().map(one).collect());
    let all = all.filter(|all| all.len() >= asked.layers);
    let expected = format!("0 or 1 for each of {} layers", asked.layers);
    let wrong = || asked.raw.wrong("no_rope_layers", &expected, list);
    all.map(Some).ok_or_else(wrong)
}
