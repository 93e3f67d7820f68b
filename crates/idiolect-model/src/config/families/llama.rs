//! Llama 2, 3, 3.1, 3.2, 3.3, `SmolLM2`, `TinyLlama`, Yi and others of the same shape.
//!
//! Its class has no window, whatever a configuration says. Source: `LlamaConfig`.

use super::{Defaults, Family, biases, write_biases};

pub(super) const FAMILY: Family = Family {
    class: "LlamaForCausalLM",
    model_type: "llama",
    defaults: Defaults::LLAMA,
    switches: |raw, _| biases(raw),
    window: |_, _| Ok(None),
    write: |config, json| {
        json.insert("head_dim".into(), config.head_dim.into());
        write_biases(config, json);
    },
};
