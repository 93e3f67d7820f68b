//! The settings of a GGUF file as a Hugging Face `config.json`.
//!
//! Key names: the `ggml` project's `docs/gguf.md`.

use serde_json::{Map, Value, json};

use super::architecture::Architecture;
use super::metadata::Metadata;
use crate::{ModelError, config};

/// Low frequency factor of every published Llama 3.1, 3.2 and 3.3.
const LLAMA3_LOW: f64 = 1.0;
/// High frequency factor of the same.
const LLAMA3_HIGH: f64 = 4.0;
/// Context length before stretching of the same, in tokens.
const LLAMA3_POSITIONS: u64 = 8192;
/// Divisors are stored in f32 and were computed in f32.
const DIVISOR_TOLERANCE: f64 = 1e-4;

impl Metadata<'_> {
    /// The settings in the classic form of a `config.json`.
    pub(super) fn config(&self) -> Result<Value, ModelError> {
        self.refuse_others()?;
        let hidden = self.count("embedding_length")?;
        let heads = self.count("attention.head_count")?;
        let window = self.optional_count("attention.sliding_window")?;
        let model_type = self.architecture.model_type(window.is_some());
        let class =
            config::Architecture::of_model_type(model_type).map(config::Architecture::class);
        let theta = self.number("rope.freq_base")?.unwrap_or(10_000.0);
        let mut json = json!({
            "architectures": [class], "model_type": model_type, "hidden_act": "silu",
            "hidden_size": hidden, "num_attention_heads": heads,
            "num_key_value_heads": self.optional_count("attention.head_count_kv")?.unwrap_or(heads),
            "head_dim": self.head_dim()?,
            "intermediate_size": self.count("feed_forward_length")?,
            "num_hidden_layers": self.count("block_count")?,
            "max_position_embeddings": self.count("context_length")?,
            "sliding_window": window,
            "rms_norm_eps": self.number("attention.layer_norm_rms_epsilon")?,
            "rope_theta": theta, "rope_scaling": self.rope_scaling(theta)?,
            "vocab_size": self.header.tensors.get("token_embd.weight").and_then(|t| t.shape.first()),
            "tie_word_embeddings": !self.header.tensors.contains_key("output.weight"),
            "bos_token_id": self.id("bos")?, "eos_token_id": self.end_ids()?,
            "pad_token_id": self.id("padding")?, "torch_dtype": "float32",
        });
        if let Some(json) = json.as_object_mut() {
            json.extend(self.own_settings()?);
            json.extend(self.biases()?);
        }
        Ok(json)
    }

    /// Width of one attention head.
    pub(super) fn head_dim(&self) -> Result<usize, ModelError> {
        let heads = self.count("attention.head_count")?;
        // What no key says the query projection does.
        let rows = self.header.tensors.get("blk.0.attn_q.weight");
        let rows = rows.and_then(|tensor| tensor.shape.first().copied());
        let even = rows.map_or(self.count("embedding_length")?, |rows| rows) / heads;
        let width = self.optional_count("attention.key_length")?.unwrap_or(even);
        for key in ["attention.value_length", "rope.dimension_count"] {
            let other = self.optional_count(key)?.unwrap_or(width);
            if other != width {
                let expected = format!("the width of a head, {width}");
                return Err(self.wrong(&self.key(key), &expected, &other));
            }
        }
        if width == 0 || !width.is_multiple_of(2) {
            return Err(self.wrong(
                &self.key("attention.key_length"),
                "a positive even number",
                &width,
            ));
        }
        Ok(width)
    }

    /// Architectures and variants whose result would be silently wrong.
    fn refuse_others(&self) -> Result<(), ModelError> {
        let found = self
            .text("general.architecture")?
            .unwrap_or_else(|| "nothing".into());
        if Architecture::of(&found).is_none() {
            let expected = format!("one of {}", Architecture::names());
            return Err(self.wrong("general.architecture", &expected, &found));
        }
        for name in ["rope_factors_long.weight", "rope_factors_short.weight"] {
            if self.header.tensors.contains_key(name) {
                let expected = "none: longrope is read from Hugging Face folders";
                return Err(self.wrong(name, expected, &"a tensor"));
            }
        }
        match self.optional_count("expert_count")? {
            Some(experts) => Err(self.wrong(&self.key("expert_count"), "no experts", &experts)),
            None => Ok(()),
        }
    }

    /// The value of `rope_scaling`, from the list of divisors or from the scaling keys.
    fn rope_scaling(&self, theta: f64) -> Result<Value, ModelError> {
        let original = self.optional_count("rope.scaling.original_context_length")?;
        if let Some(divisors) = self.rope_divisors {
            let width = 2 * divisors.len();
            if width != self.head_dim()? {
                return Err(self.wrong(
                    "rope_freqs.weight",
                    "half of the width of a head",
                    &divisors.len(),
                ));
            }
            let known = [original.map(|n| n as u64), Some(LLAMA3_POSITIONS)];
            let mut named = known.into_iter().flatten();
            let found = named.find_map(|original| llama3_scaling(divisors, theta, original));
            return Ok(
                found.unwrap_or_else(|| json!({"rope_type": "factors", "divisors": divisors}))
            );
        }
        let factor = self.number("rope.scaling.factor")?;
        let kind = self.text(&self.key("rope.scaling.type"))?;
        match (kind.as_deref().unwrap_or("linear"), factor) {
            ("none", _) | ("linear", None) => Ok(Value::Null),
            ("yarn", factor) => self.yarn(factor, original),
            (kind, factor) => Ok(json!({"rope_type": kind, "factor": factor})),
        }
    }

    /// The value of `rope_scaling` for yarn, and what Ministral 3 has beside it.
    fn yarn(&self, factor: Option<f64>, original: Option<usize>) -> Result<Value, ModelError> {
        let mut map = Map::new();
        let mut put = |name: &str, value: Option<f64>| {
            map.extend(value.map(|value| (name.to_owned(), json!(value))));
        };
        put("factor", factor);
        put("beta_fast", self.number("rope.scaling.yarn_beta_fast")?);
        put("beta_slow", self.number("rope.scaling.yarn_beta_slow")?);
        let weight = self.number("rope.scaling.yarn_log_multiplier")?;
        put("mscale", weight.map(|_| 1.0));
        put("mscale_all_dim", weight);
        let times = self.number("rope.scaling.attn_factor")?;
        let times = times.or(self.number("rope.scaling.yarn_attn_factor")?);
        // Where a logarithm is named, it is divided out before.
        let own = |factor: f64| 0.1 * factor.max(1.0).ln() + 1.0;
        let own = weight.map_or_else(|| own(factor.unwrap_or(1.0)), |_| 1.0);
        let scaled = |times: f64| times * own;
        put("attention_factor", times.map(scaled));
        put(
            "llama_4_scaling_beta",
            self.number("attention.temperature_scale")?,
        );
        map.insert("rope_type".into(), "yarn".into());
        map.extend(original.map(|count| ("original_max_position_embeddings".into(), json!(count))));
        Ok(map.into())
    }

    /// Ids of the tokens that end a text, a turn and a message: generation stops at each.
    fn end_ids(&self) -> Result<Value, ModelError> {
        let mut ids = Vec::new();
        for name in ["eos", "eot", "eom"] {
            ids.extend(self.id(name)?.filter(|id| !ids.contains(id)));
        }
        Ok(match ids.as_slice() {
            [] => Value::Null,
            [one] => json!(one),
            all => json!(all),
        })
    }
}

/// Llama 3's scaling parameters, where the divisors follow from them.
///
/// The formula is that of `_compute_llama3_parameters` in transformers' `modeling_rope_utils.py`.
fn llama3_scaling(divisors: &[f32], theta: f64, original: u64) -> Option<Value> {
    let (low, high) = (LLAMA3_LOW, LLAMA3_HIGH);
    let factor = f64::from(*divisors.last()?);
    let width = divisors.len() as f64;
    let follows = |(index, divisor): (usize, &f32)| {
        let turns = original as f64 / theta.powf(index as f64 / width) / std::f64::consts::TAU;
        let smooth = ((turns - low) / (high - low)).clamp(0.0, 1.0);
        let expected = 1.0 / ((1.0 - smooth) / factor + smooth);
        (f64::from(*divisor) / expected - 1.0).abs() <= DIVISOR_TOLERANCE
    };
    divisors.iter().enumerate().all(follows).then(|| {
        json!({"rope_type": "llama3", "factor": factor, "low_freq_factor": low,
            "high_freq_factor": high, "original_max_position_embeddings": original})
    })
}
