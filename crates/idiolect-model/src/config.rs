//! The shape of a decoder, resolved from a checkpoint's `config.json`.
//!
//! Two forms are read: the classic one (`rope_theta`, `rope_scaling`, `torch_dtype`) and the one that
//! transformers 5 writes (`rope_parameters`, `dtype`).
//! It holds no run-time choice: device and computing type are given when the weights are loaded.

mod fields;
mod rope_scaling;

pub(crate) use fields::read_json;
pub use rope_scaling::RopeScaling;

use std::path::Path;

use serde_json::Value;

use self::fields::{Fields, check_ids, number, token_ids};
use crate::ModelError;

/// More blocks than any model has: each takes memory before its weights are looked for.
const MOST_LAYERS: usize = 65_536;

/// Family of the checkpoint; it decides the name that is written back, not the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// `LlamaForCausalLM`: Llama 2, 3, 3.1, 3.2, `SmolLM2` and others of the same shape.
    Llama,
    /// `MistralForCausalLM`: Mistral 7B v0.1, v0.2, v0.3.
    Mistral,
}

impl Architecture {
    /// The class name in `architectures`.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Llama => "LlamaForCausalLM",
            Self::Mistral => "MistralForCausalLM",
        }
    }

    /// The name in `model_type`.
    #[must_use]
    pub fn model_type(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
        }
    }
}

/// Sizes and constants of a Llama or Mistral decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// Family of the checkpoint.
    pub architecture: Architecture,
    /// Rows of the embedding, one for each token of the vocabulary.
    pub vocab_size: usize,
    /// Width of the hidden state.
    pub hidden_size: usize,
    /// Width inside the feed-forward block.
    pub intermediate_size: usize,
    /// Number of decoder blocks.
    pub num_layers: usize,
    /// Query heads.
    pub num_heads: usize,
    /// Key and value heads; divides `num_heads`.
    pub num_kv_heads: usize,
    /// Width of one head; even.
    pub head_dim: usize,
    /// Longest sequence the model was made for, in tokens.
    pub max_positions: usize,
    /// Added to the mean square in the norms.
    pub norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// How the rotary frequencies are stretched.
    pub rope_scaling: RopeScaling,
    /// Keys that a query sees, itself included; `None` is all.
    pub sliding_window: Option<usize>,
    /// Whether the output head is the embedding.
    pub tied: bool,
    /// Token that begins a text.
    pub bos: Option<u32>,
    /// Tokens that end a text, from `generation_config.json` where it names them.
    pub eos: Vec<u32>,
    /// Token that fills a row; never read as content.
    pub pad: Option<u32>,
}

impl ModelConfig {
    /// Reads `config.json`, and `generation_config.json` beside it where there is one.
    ///
    /// # Errors
    ///
    /// [`ModelError::Io`] and [`ModelError::Json`] for unreadable files; [`ModelError::Config`] names the
    /// first setting that is missing, out of range or not supported.
    pub fn read(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join("config.json");
        let mut config = Self::from_json(&read_json(&path)?, &path)?;
        let generation = folder.join("generation_config.json");
        if generation.is_file() {
            let tokens = token_ids(&read_json(&generation)?, "eos_token_id", &generation)?;
            if !tokens.is_empty() {
                let place = ("eos_token_id", generation.as_path());
                check_ids(&tokens, config.vocab_size, place)?;
                config.eos = tokens;
            }
        }
        Ok(config)
    }

    /// Resolves the content of a `config.json`; `path` is named in errors only.
    ///
    /// # Errors
    ///
    /// [`ModelError::Config`] as for [`ModelConfig::read`].
    pub fn from_json(json: &Value, path: &Path) -> Result<Self, ModelError> {
        let raw = Fields::new(json, path);
        raw.refuse_unsupported()?;
        let num_heads = raw.count("num_attention_heads", None)?;
        let hidden_size = raw.count("hidden_size", None)?;
        let Rope { theta, scaling } = raw.rope()?;
        let config = Self {
            architecture: raw.architecture()?,
            vocab_size: raw.count("vocab_size", None)?,
            hidden_size,
            intermediate_size: raw.count("intermediate_size", None)?,
            num_layers: raw.count("num_hidden_layers", None)?,
            num_heads,
            num_kv_heads: raw.count("num_key_value_heads", Some(num_heads))?,
            head_dim: raw.count("head_dim", Some(hidden_size / num_heads.max(1)))?,
            // Defaults are those of transformers' LlamaConfig.
            max_positions: raw.count("max_position_embeddings", Some(2048))?,
            norm_eps: raw.number("rms_norm_eps", Some(1e-6))?,
            rope_theta: theta,
            rope_scaling: scaling,
            sliding_window: raw.optional_count("sliding_window")?,
            tied: raw.flag("tie_word_embeddings")?,
            bos: token_ids(json, "bos_token_id", path)?.first().copied(),
            eos: token_ids(json, "eos_token_id", path)?,
            pad: token_ids(json, "pad_token_id", path)?.first().copied(),
        };
        config.check(path)?;
        Ok(config)
    }

    /// Width of all query heads together.
    #[must_use]
    pub fn query_width(&self) -> usize {
        self.num_heads * self.head_dim
    }

    /// Width of all key heads together; the values' is the same.
    #[must_use]
    pub fn kv_width(&self) -> usize {
        self.num_kv_heads * self.head_dim
    }

    fn check(&self, path: &Path) -> Result<(), ModelError> {
        if self.num_layers > MOST_LAYERS {
            let (field, found) = ("num_hidden_layers", self.num_layers);
            let expected = format!("at most {MOST_LAYERS}");
            return Err(ModelError::config(path, field, expected, found));
        }
        for (field, ids) in [
            ("bos_token_id", self.bos.as_slice()),
            ("eos_token_id", &self.eos),
            ("pad_token_id", self.pad.as_slice()),
        ] {
            check_ids(ids, self.vocab_size, (field, path))?;
        }
        if !self.num_heads.is_multiple_of(self.num_kv_heads) {
            let expected = format!("a divisor of num_attention_heads = {}", self.num_heads);
            let (field, found) = ("num_key_value_heads", self.num_kv_heads);
            return Err(ModelError::config(path, field, expected, found));
        }
        let whole = self.num_heads.checked_mul(self.head_dim);
        if whole.is_none() || !self.head_dim.is_multiple_of(2) {
            let expected = "an even number of which all heads make less than 2^64";
            return Err(ModelError::config(
                path,
                "head_dim",
                expected,
                self.head_dim,
            ));
        }
        self.rope_scaling.check(self.head_dim / 2, path)
    }
}

/// Base and stretching of the rotary frequencies.
struct Rope {
    theta: f64,
    scaling: RopeScaling,
}

impl Fields<'_> {
    fn architecture(&self) -> Result<Architecture, ModelError> {
        let class = self
            .get("architectures")
            .and_then(|list| list.get(0))
            .and_then(Value::as_str);
        let kind = self.text("model_type")?;
        match class.or(kind) {
            Some("LlamaForCausalLM" | "llama") => Ok(Architecture::Llama),
            Some("MistralForCausalLM" | "mistral") => Ok(Architecture::Mistral),
            other => {
                let expected = "LlamaForCausalLM or MistralForCausalLM";
                let found = other.unwrap_or("nothing");
                Err(self.wrong("architectures", expected, found))
            }
        }
    }

    /// Base and stretching of the rotary frequencies, from either form of the file.
    fn rope(&self) -> Result<Rope, ModelError> {
        let new = self.object("rope_parameters")?;
        let old = self.object("rope_scaling")?;
        let nested = new.map(|map| number(map, "rope_theta", Some(10_000.0), self.path));
        let theta = nested.unwrap_or_else(|| self.number("rope_theta", Some(10_000.0)))?;
        let scaling = match new.or(old) {
            Some(map) => RopeScaling::from_json(map, self.path)?,
            None => RopeScaling::None,
        };
        Ok(Rope { theta, scaling })
    }
}
