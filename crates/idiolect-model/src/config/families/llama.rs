//! Llama 2, 3, 3.1, 3.2, 3.3, `SmolLM2`, `TinyLlama`, Yi and others of the same shape.
//!
//! Its class has no window, whatever a configuration says. Source: `LlamaConfig`.

use super::biases::{biases, write_biases};
use super::family::{Defaults, Family};

pub(super) const FAMILY: Family = Family {
    class: "LlamaForCausalLM",
    model_type: "llama",
    defaults: Defaults::LLAMA,
    switches: |asked| biases(asked.raw),
    window: |_| Ok(None),
    write: |shape, json| {
        json.insert("head_dim".into(), shape.head_dim.into());
        write_biases(shape, json);
    },
    rope_parameters: None,
};
