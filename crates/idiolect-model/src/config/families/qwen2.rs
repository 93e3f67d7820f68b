//! Qwen 2 and 2.5: queries, keys and values have biases, for which there is no setting.
//!
//! A window counts only where `use_sliding_window` is on. Source: `Qwen2Config`.

use super::family::{Defaults, Family};
use super::window;
use crate::Projection::{Key, Query, Value};
use crate::config::switches::Switches;

/// What absent settings mean in Qwen 2 and 3.
pub(super) const DEFAULTS: Defaults = Defaults {
    kv_heads: Some(32),
    max_positions: 32_768,
    tokens: [None; 3],
    ..Defaults::LLAMA
};

pub(super) const FAMILY: Family = Family {
    class: "Qwen2ForCausalLM",
    model_type: "qwen2",
    defaults: DEFAULTS,
    switches: |_| {
        Ok(Switches {
            biases: vec![Query, Key, Value],
            ..Switches::default()
        })
    },
    window: window::from_a_layer_on,
    write: window::write_with_flag,
    rope_parameters: None,
};
