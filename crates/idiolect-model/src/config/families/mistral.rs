//! Mistral 7B, Nemo, Small of 2024 and 2025, Ministral 8B of 2024.
//!
//! A window that is not named is one of 4,096 keys; none is `null`. Source: `MistralConfig`.

use super::{Defaults, Family, no_switches, window};

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
    window: |raw, _| window::of_all_layers(raw, Some(WINDOW)),
    write: |config, json| {
        json.insert("head_dim".into(), config.head_dim.into());
        window::write(config, json);
    },
};
