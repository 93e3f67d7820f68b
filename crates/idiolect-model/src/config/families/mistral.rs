//! Mistral 7B, Nemo, Small of 2024 and 2025, Ministral 8B of 2024.
//!
//! A window that is not named is one of 4,096 keys; none is `null`. Source: `MistralConfig`.

use super::biases::no_switches;
use super::family::{Defaults, Family};
use super::window;

/// What an absent `sliding_window` means.
const WINDOW: usize = 4096;

pub(super) const FAMILY: Family = Family {
    class: "MistralForCausalLM",
    model_type: "mistral",
    defaults: Defaults {
        kv_heads: Some(8),
        max_positions: 131_072,
        ..Defaults::LLAMA
    },
    switches: no_switches,
    window: |asked| window::of_all_layers(asked.raw, Some(WINDOW)),
    write: |shape, json| {
        json.insert("head_dim".into(), shape.head_dim.into());
        window::write(shape, json);
    },
    rope_parameters: None,
};
