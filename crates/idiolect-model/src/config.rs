//! The shape of a decoder, resolved from a checkpoint's `config.json`.
//!
//! Two forms are read: the classic one (`rope_theta`, `rope_scaling`, `torch_dtype`) and the one that
//! transformers 5 writes (`rope_parameters`, `dtype`).
//! What is absent means what it means to the class's configuration in transformers, and what is written says
//! everything that a reader would else fill in.
//! It holds no run-time choice: device and computing type are given when the weights are loaded.

mod carried;
mod families;
mod fields;
mod longrope;
mod rope;
mod rope_scaling;
mod stretch;
mod switches;
mod wrapper;
mod write;
mod yarn;

pub use carried::Carried;
pub use families::Architecture;
pub(crate) use fields::read_json;
pub use longrope::LongRope;
pub use rope_scaling::RopeScaling;
pub(crate) use stretch::Frequencies;
pub use switches::{Multipliers, QueryScale, Switches};
pub use wrapper::Wrapper;
pub(crate) use write::{ConfigFiles, config_files};
pub use yarn::Yarn;

use std::path::Path;

use serde_json::{Map, Value};

use self::carried::Files;
use self::families::{Asked, architecture};
use self::fields::{Fields, check_ids, token_ids};
use self::rope::Rope;
use crate::ModelError;

/// More blocks than any model has: each takes memory before its weights are looked for.
const MOST_LAYERS: usize = 65_536;

/// Sizes and constants of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// Class of the checkpoint.
    pub architecture: Architecture,
    /// What the decoder stands in.
    pub wrapper: Wrapper,
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
    /// Token that fills a row; never read as content. None where the embedding has no row for it.
    pub pad: Option<u32>,
    /// What the class adds to Llama.
    pub switches: Switches,
    /// What the checkpoint says beside all this.
    pub carried: Carried,
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
            let json = read_json(&generation)?;
            let tokens = token_ids(json.get("eos_token_id"), "eos_token_id", &generation)?;
            if !tokens.is_empty() {
                let place = ("eos_token_id", generation.as_path());
                check_ids(&tokens, config.vocab_size, place)?;
                config.eos = tokens;
            }
            let kept = json.as_object().cloned().unwrap_or_default();
            config.carried = config.carried.with_generation(kept);
        }
        Ok(config)
    }

    /// Resolves the content of a `config.json`; `path` is named in errors, and what it stands beside is carried
    /// over to what is written.
    ///
    /// # Errors
    ///
    /// [`ModelError::Config`] as for [`ModelConfig::read`].
    pub fn from_json(json: &Value, path: &Path) -> Result<Self, ModelError> {
        let whole = Fields::new(json, path);
        let (raw, wrapper) = wrapper::text_part(&whole)?;
        raw.refuse_unsupported()?;
        let architecture = architecture(&raw)?;
        let mut config = Self::sizes(&raw, architecture)?;
        config.wrapper = wrapper;
        if wrapper != Wrapper::None {
            config.tied = whole.flag("tie_word_embeddings", true)?;
        }
        config.check(path)?;
        let rope = raw.rope_map(architecture)?;
        let asked = Asked {
            raw,
            rope: &rope,
            layers: config.num_layers,
            max_positions: config.max_positions,
        };
        config.switches = (architecture.family().switches)(&asked)?;
        config.sliding_window = (architecture.family().window)(&asked)?;
        config.check_switches(path)?;
        config.carried = Carried::new(Files {
            config: raw.json().clone(),
            outer: if wrapper == Wrapper::None {
                Map::new()
            } else {
                whole.json().clone()
            },
            generation: Map::new(),
            rope,
            folder: path.parent().map(Path::to_path_buf).unwrap_or_default(),
        });
        Ok(config)
    }

    /// The sizes and constants that all classes have.
    fn sizes(raw: &Fields<'_>, architecture: Architecture) -> Result<Self, ModelError> {
        let absent = architecture.family().defaults;
        let num_heads = raw.count("num_attention_heads", None)?;
        let hidden_size = raw.count("hidden_size", None)?;
        let vocab_size = raw.count("vocab_size", None)?;
        // `null` is as many as query heads, and an absent setting what the class makes of it.
        let kv_heads = absent.kv_heads.filter(|_| !raw.has("num_key_value_heads"));
        let width = absent.head_dim.filter(|_| !raw.has("head_dim"));
        let Rope { theta, scaling } = raw.rope(architecture)?;
        let [bos, eos, pad] = absent.tokens;
        Ok(Self {
            architecture,
            wrapper: Wrapper::None,
            vocab_size,
            hidden_size,
            intermediate_size: raw.count("intermediate_size", None)?,
            num_layers: raw.count("num_hidden_layers", None)?,
            num_heads,
            num_kv_heads: raw.count("num_key_value_heads", kv_heads.or(Some(num_heads)))?,
            head_dim: raw.count("head_dim", width.or(Some(hidden_size / num_heads)))?,
            max_positions: raw.count("max_position_embeddings", Some(absent.max_positions))?,
            norm_eps: raw.number("rms_norm_eps", Some(absent.norm_eps))?,
            rope_theta: theta,
            rope_scaling: scaling,
            sliding_window: None,
            tied: raw.flag("tie_word_embeddings", absent.tied)?,
            bos: raw.ids("bos_token_id", bos)?.first().copied(),
            eos: raw.ids("eos_token_id", eos)?,
            pad: raw.pad(pad, vocab_size)?,
            switches: Switches::default(),
            carried: Carried::default(),
        })
    }

    /// The class in `architectures`: that of the wrapper where there is one.
    #[must_use]
    pub fn class(&self) -> &'static str {
        self.wrapper.class().unwrap_or(self.architecture.class())
    }

    /// Why [`ModelConfig::max_positions`] is a bound that the reference does not have, behind a colon; empty where
    /// it has it.
    #[must_use]
    pub fn why_no_more(&self) -> &'static str {
        match self.rope_scaling {
            RopeScaling::Dynamic { .. } => {
                ": rope_type dynamic stretches longer ones by what else stands in a batch"
            }
            _ => "",
        }
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

    /// Refuses switches that no class has together, of which the result is not known.
    fn check_switches(&self, path: &Path) -> Result<(), ModelError> {
        let both = self.switches.query_scale.is_some() && !self.switches.unrotated.is_empty();
        if both {
            let (field, expected) = ("llama_4_scaling_beta", "0 beside layers without rotation");
            return Err(ModelError::config(path, field, expected, "another number"));
        }
        Ok(())
    }
}
