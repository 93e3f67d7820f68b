//! What is to be known of one class of decoders.

use serde_json::{Map, Value};

use crate::ModelError;
use crate::config::fields::Fields;
use crate::config::switches::Switches;

/// What is to be known of one class.
pub(crate) struct Family {
    /// The name in `architectures`.
    pub(crate) class: &'static str,
    /// The name in `model_type`.
    pub(crate) model_type: &'static str,
    /// What absent settings mean.
    pub(crate) defaults: Defaults,
    /// The switches that a configuration turns.
    pub(crate) switches: fn(&Asked<'_>) -> Result<Switches, ModelError>,
    /// Keys that a query sees, itself included; none for all.
    pub(crate) window: fn(&Asked<'_>) -> Result<Option<usize>, ModelError>,
    /// Adds the settings that only this class has to a `config.json`.
    pub(crate) write: fn(&Shape<'_>, &mut Map<String, Value>),
    /// What absent `rope_parameters` mean, for a class that has no older form of them; none for others.
    pub(crate) rope_parameters: Option<fn() -> Map<String, Value>>,
}

/// A configuration of which the sizes are read.
pub(crate) struct Asked<'a> {
    /// Its settings.
    pub(crate) raw: Fields<'a>,
    /// The map that says how rotary frequencies are made.
    pub(crate) rope: &'a Map<String, Value>,
    /// Number of blocks.
    pub(crate) layers: usize,
    /// Longest sequence, in tokens.
    pub(crate) max_positions: usize,
}

/// What of a decoder is written by its class.
pub(crate) struct Shape<'a> {
    /// Number of blocks.
    pub(crate) layers: usize,
    /// Width of a head.
    pub(crate) head_dim: usize,
    /// Keys that a query sees.
    pub(crate) window: Option<usize>,
    /// What the class adds.
    pub(crate) switches: &'a Switches,
}

/// What settings mean where a configuration does not name them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    /// `num_key_value_heads`; none for as many as query heads, which is what `null` means everywhere.
    pub(crate) kv_heads: Option<usize>,
    /// `head_dim`; none for the hidden state's share of a head.
    pub(crate) head_dim: Option<usize>,
    /// `max_position_embeddings`.
    pub(crate) max_positions: usize,
    /// `rms_norm_eps`.
    pub(crate) norm_eps: f64,
    /// `rope_theta`.
    pub(crate) rope_theta: f64,
    /// `tie_word_embeddings`.
    pub(crate) tied: bool,
    /// `bos_token_id`, `eos_token_id` and `pad_token_id`.
    pub(crate) tokens: [Option<u32>; 3],
}

impl Defaults {
    /// Those of `LlamaConfig`.
    pub(crate) const LLAMA: Self = Self {
        kv_heads: None,
        head_dim: None,
        max_positions: 2048,
        norm_eps: 1e-6,
        rope_theta: 10_000.0,
        tied: false,
        tokens: [Some(1), Some(2), None],
    };
}
