//! What a decoder becomes in a GGUF file: its architecture, its settings, its tensors and those of its adapters.
//!
//! Keys and tensors are those of llama.cpp's `convert_hf_to_gguf.py` and `convert_lora_to_gguf.py`. What llama.cpp
//! would compute otherwise than this decoder is refused by name.

use super::{GgufTensor, GgufType, GgufValue};
use crate::gguf::architecture::Architecture;
use crate::gguf::names::{gguf_name, has_pairs, split_halves};
use crate::save::plain_tensors;
use crate::source::StoredTensor;
use crate::tensor_spec::tensor_specs;
use crate::{Decoder, ModelConfig, ModelError, Site};

/// Every so many layers of `SmolLM3` llama.cpp rotates none.
const UNROTATED: usize = 4;

/// A decoder's place among the architectures of llama.cpp.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    pub(super) config: &'a ModelConfig,
    pub(super) architecture: Architecture,
}

impl<'a> Destination<'a> {
    /// The place of a decoder with this configuration.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for a class that llama.cpp has no architecture for.
    pub fn of(config: &'a ModelConfig) -> Result<Self, ModelError> {
        let unknown = || ModelError::Input {
            what: "architectures".into(),
            expected: format!(
                "a class of the GGUF architectures {}",
                Architecture::names()
            ),
            found: config.class().into(),
        };
        let architecture = Architecture::of_config(config).ok_or_else(unknown)?;
        Ok(Self {
            config,
            architecture,
        })
    }

    /// The name in `general.architecture`.
    #[must_use]
    pub fn architecture(&self) -> &'static str {
        self.architecture.name()
    }

    /// What llama.cpp does otherwise without a file that can say so; empty for most models.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let window = self.config.sliding_window.map(|window| {
            format!(
                "llama.cpp has no sliding window for architecture {}: beyond {window} tokens it attends to all",
                self.architecture()
            )
        });
        let vision = self.config.wrapper.class().map(|class| {
            format!("the text part of {class} is written; its vision tower is a file of its own (mmproj) in llama.cpp")
        });
        window.into_iter().chain(vision).collect()
    }

    /// The settings of the model.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] names a setting that llama.cpp would pass over or compute otherwise.
    pub fn settings(&self, kind: GgufType) -> Result<Vec<(String, GgufValue)>, ModelError> {
        self.check_scaling()?;
        self.check_switches()?;
        let config = self.config;
        let mut keys = Keys {
            prefix: self.architecture(),
            all: Vec::new(),
        };
        for (key, count) in [
            ("block_count", config.num_layers),
            ("context_length", config.max_positions),
            ("embedding_length", config.hidden_size),
            ("feed_forward_length", config.intermediate_size),
            ("attention.head_count", config.num_heads),
            ("attention.head_count_kv", config.num_kv_heads),
            ("attention.key_length", config.head_dim),
            ("attention.value_length", config.head_dim),
            ("rope.dimension_count", config.head_dim),
            ("vocab_size", config.vocab_size),
        ] {
            keys.count(key, count);
        }
        if let (Some(window), Architecture::Llama | Architecture::Mistral3) =
            (config.sliding_window, self.architecture)
        {
            keys.count("attention.sliding_window", window);
        }
        keys.number("rope.freq_base", config.rope_theta);
        keys.number("attention.layer_norm_rms_epsilon", config.norm_eps);
        self.put_scaling(&mut keys);
        self.put_own(&mut keys);
        let mut all = keys.all;
        all.push(("general.file_type".into(), kind.file_type().into()));
        Ok(all)
    }

    /// The settings that only some architectures have.
    fn put_own(&self, keys: &mut Keys<'_>) {
        let switches = &self.config.switches;
        if self.architecture == Architecture::Granite {
            let multipliers = &switches.multipliers;
            keys.number("embedding_scale", multipliers.embedding);
            keys.number("residual_scale", multipliers.residual);
            keys.number("logit_scale", multipliers.logits_divisor);
            keys.number("attention.scale", multipliers.attention.unwrap_or(1.0));
        }
        if let Some(scale) = switches.query_scale {
            keys.number("attention.temperature_scale", scale.beta);
            keys.number_as_count(
                "rope.scaling.original_context_length",
                scale.original_positions,
            );
        }
    }

    fn check_switches(&self) -> Result<(), ModelError> {
        let switches = &self.config.switches;
        let layers = 0..self.config.num_layers;
        let skips = |layer: &usize| (layer + 1).is_multiple_of(UNROTATED);
        let usual: Vec<usize> = layers.filter(skips).collect();
        if self.architecture == Architecture::SmolLm3 && switches.unrotated != usual {
            let expected = "every fourth layer";
            let found = format!("{:?}", switches.unrotated);
            return Err(self.refused("no_rope_layers", expected, found));
        }
        let biases = &switches.biases;
        if self.architecture == Architecture::Qwen3 && !biases.is_empty() {
            return Err(self.refused("attention_bias", "false", "true"));
        }
        Ok(())
    }

    pub(super) fn refused(&self, field: &str, expected: &str, found: impl ToString) -> ModelError {
        ModelError::Input {
            what: field.into(),
            expected: format!(
                "{expected} for architecture {} of llama.cpp",
                self.architecture()
            ),
            found: found.to_string(),
        }
    }

    /// The tensors of the model, in the order of computation; the decoder is taken, so that each of its tensors can
    /// go when it is encoded: a clone that lives on holds them.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] names a tensor with a value that the type would make infinite.
    pub fn tensors(&self, decoder: Decoder, kind: GgufType) -> Result<Vec<GgufTensor>, ModelError> {
        let tensors = plain_tensors(&decoder);
        drop(decoder);
        let mut all = Vec::with_capacity(tensors.len() + 1);
        for (spec, tensor) in tensor_specs(self.config).into_iter().zip(tensors) {
            let values = tensor.values();
            drop(tensor);
            let kind = match spec.name.as_str() {
                "model.embed_tokens.weight" | "lm_head.weight" => kind.of_words(),
                _ => kind,
            };
            let tensor = StoredTensor {
                shape: spec.shape,
                values,
                stored: String::new(),
            };
            all.push(self.tensor(&spec.name, tensor, kind)?);
        }
        all.extend(self.divisors()?);
        Ok(all)
    }

    /// A tensor of a Hugging Face folder as the file has it.
    fn tensor(
        &self,
        theirs: &str,
        tensor: StoredTensor,
        kind: GgufType,
    ) -> Result<GgufTensor, ModelError> {
        let StoredTensor {
            shape, mut values, ..
        } = tensor;
        let own = self.name(theirs)?;
        if self.architecture.turns_rows() && has_pairs(&own) {
            split_halves(&mut values, &shape, self.config.head_dim);
        }
        GgufTensor::new(own, &shape, values, kind)
    }

    /// Both factors of an update: `a` is `[rank, in]` and `b` is `[out, rank]`, as PEFT stores them.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] names a tensor with a value that the type would make infinite.
    pub fn factors(
        &self,
        site: Site,
        [a, b]: [Vec<f32>; 2],
        kind: GgufType,
    ) -> Result<[GgufTensor; 2], ModelError> {
        let [input, output] = self.config.projection_shape(site.projection);
        let rank = a.len() / input.max(1);
        let own = self.name(&format!("{site}.weight"))?;
        let mut b = b;
        if self.architecture.turns_rows() && has_pairs(&own) {
            split_halves(&mut b, &[output, rank], self.config.head_dim);
        }
        Ok([
            GgufTensor::new(format!("{own}.lora_a"), &[rank, input], a, kind)?,
            GgufTensor::new(format!("{own}.lora_b"), &[output, rank], b, kind)?,
        ])
    }

    fn name(&self, theirs: &str) -> Result<String, ModelError> {
        gguf_name(theirs).ok_or_else(|| {
            let expected = "a tensor with a name in GGUF files";
            self.refused(&format!("tensor {theirs}"), expected, "none")
        })
    }
}

/// Settings with the name of the architecture before them.
pub(super) struct Keys<'a> {
    prefix: &'a str,
    all: Vec<(String, GgufValue)>,
}

impl Keys<'_> {
    /// Puts a value, in the place of one of that name.
    pub(super) fn put(&mut self, key: &str, value: impl Into<GgufValue>) {
        let key = format!("{}.{key}", self.prefix);
        self.all.retain(|(other, _)| *other != key);
        self.all.push((key, value.into()));
    }

    fn count(&mut self, key: &str, count: usize) {
        self.put(key, u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// Puts a number, which llama.cpp has in 32 bits.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn number(&mut self, key: &str, number: f64) {
        self.put(key, number as f32);
    }

    /// Puts a number of tokens that a configuration has as a float.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn number_as_count(&mut self, key: &str, number: f64) {
        self.put(key, number.round() as u32);
    }
}
