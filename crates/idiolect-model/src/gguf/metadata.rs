//! Metadata of a GGUF file: the settings as a Hugging Face `config.json`, the tokenizer as raw lists.
//!
//! Building a tokenizer from the lists is not done here.
//! Key names: the `ggml` project's `docs/gguf.md`, architecture `llama`, which `llama.cpp`'s converter
//! gives to Llama and Mistral checkpoints alike.

use std::fmt::Display;

use serde_json::{Value, json};

use super::GgufFile;
use crate::ModelError;

/// Low and high frequency factor and original context of every published Llama 3.1, 3.2 and 3.3.
const LLAMA3: (f64, f64, u64) = (1.0, 4.0, 8192);
/// Divisors are stored in f32 and were computed in f32.
const DIVISOR_TOLERANCE: f64 = 1e-4;

/// The classic form of the model's settings.
pub(super) fn config(file: &GgufFile) -> Result<Value, ModelError> {
    refuse_others(file)?;
    let hidden = count(file, "embedding_length")?;
    let heads = count(file, "attention.head_count")?;
    let window = optional_count(file, "attention.sliding_window")?;
    // Llama's class has no window: a model that has one is a Mistral.
    let (class, model_type) = match window {
        Some(_) => ("MistralForCausalLM", "mistral"),
        None => ("LlamaForCausalLM", "llama"),
    };
    let theta = number(file, "rope.freq_base")?.unwrap_or(10_000.0);
    Ok(json!({
        "architectures": [class], "model_type": model_type, "hidden_act": "silu",
        "hidden_size": hidden, "num_attention_heads": heads,
        "num_key_value_heads": optional_count(file, "attention.head_count_kv")?.unwrap_or(heads),
        "head_dim": head_dim(file)?,
        "intermediate_size": count(file, "feed_forward_length")?,
        "num_hidden_layers": count(file, "block_count")?,
        "max_position_embeddings": count(file, "context_length")?,
        "sliding_window": window,
        "rms_norm_eps": number(file, "attention.layer_norm_rms_epsilon")?,
        "rope_theta": theta, "rope_scaling": rope_scaling(file, theta)?,
        "vocab_size": file.header.tensors.get("token_embd.weight").and_then(|t| t.shape.first()),
        "tie_word_embeddings": !file.header.tensors.contains_key("output.weight"),
        "attention_bias": file.names.keys().any(|name| name.ends_with("_proj.bias")),
        "bos_token_id": id(file, "bos")?, "eos_token_id": end_ids(file)?,
        "pad_token_id": id(file, "padding")?, "torch_dtype": "float32",
    }))
}

/// Width of one attention head.
pub(super) fn head_dim(file: &GgufFile) -> Result<usize, ModelError> {
    let heads = count(file, "attention.head_count")?;
    let even = count(file, "embedding_length")? / heads;
    let width = optional_count(file, "attention.key_length")?.unwrap_or(even);
    for key in ["attention.value_length", "rope.dimension_count"] {
        let other = optional_count(file, key)?.unwrap_or(width);
        if other != width {
            let expected = format!("the width of a head, {width}");
            return Err(wrong(file, &llama(key), &expected, &other));
        }
    }
    if width == 0 || !width.is_multiple_of(2) {
        return Err(wrong(
            file,
            &llama("attention.key_length"),
            "a positive even number",
            &width,
        ));
    }
    Ok(width)
}

/// Architectures and variants whose result would be silently wrong.
fn refuse_others(file: &GgufFile) -> Result<(), ModelError> {
    let found = text(file, "general.architecture")?.unwrap_or_else(|| "nothing".into());
    if found != "llama" {
        return Err(wrong(file, "general.architecture", "llama", &found));
    }
    match optional_count(file, "expert_count")? {
        Some(experts) => Err(wrong(file, &llama("expert_count"), "no experts", &experts)),
        None => Ok(()),
    }
}

/// The value of `rope_scaling`, from the list of divisors or from the scaling keys.
fn rope_scaling(file: &GgufFile, theta: f64) -> Result<Value, ModelError> {
    let original = optional_count(file, "rope.scaling.original_context_length")?;
    if let Some(divisors) = &file.rope_divisors {
        let width = 2 * divisors.len();
        if width != head_dim(file)? {
            return Err(wrong(
                file,
                "rope_freqs.weight",
                "one divisor for two of a head",
                &divisors.len(),
            ));
        }
        let known = [original.map(|n| n as u64), Some(LLAMA3.2)];
        let mut named = known.into_iter().flatten();
        let found = named.find_map(|original| llama3_scaling(divisors, theta, original));
        return Ok(found.unwrap_or_else(|| json!({"rope_type": "factors", "divisors": divisors})));
    }
    let factor = number(file, "rope.scaling.factor")?;
    let kind = text(file, &llama("rope.scaling.type"))?;
    match (kind.as_deref().unwrap_or("linear"), factor) {
        ("none", _) | ("linear", None) => Ok(Value::Null),
        (kind, factor) => Ok(json!({"rope_type": kind, "factor": factor})),
    }
}

/// Llama 3's parameters where the divisors follow from them.
///
/// The formula is that of `_compute_llama3_parameters` in transformers' `modeling_rope_utils.py`.
fn llama3_scaling(divisors: &[f32], theta: f64, original: u64) -> Option<Value> {
    let (low, high, _) = LLAMA3;
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

/// The end of a text, of a turn and of a message: generation stops at each.
fn end_ids(file: &GgufFile) -> Result<Value, ModelError> {
    let mut ids = Vec::new();
    for name in ["eos", "eot", "eom"] {
        ids.extend(id(file, name)?.filter(|id| !ids.contains(id)));
    }
    Ok(match ids.as_slice() {
        [] => Value::Null,
        [one] => json!(one),
        all => json!(all),
    })
}

/// Tokenizer metadata of a GGUF file (`tokenizer.ggml.*`), in the order and with the values of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct GgufVocabulary {
    /// Kind of tokenizer: `gpt2` is byte-level BPE, `llama` is sentencepiece.
    pub model: String,
    /// Name of the pre-tokenizer's pattern, for example `llama-bpe` or `smollm`.
    pub pre: Option<String>,
    /// Texts of all tokens; a token's place is its id.
    pub tokens: Vec<String>,
    /// Score of each token; empty for byte-level BPE.
    pub scores: Vec<f32>,
    /// Type of each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte; may be empty.
    pub token_types: Vec<i32>,
    /// Merges of byte-level BPE, best first, each two texts with a space between.
    pub merges: Vec<String>,
    /// Token that begins a text.
    pub bos: Option<u32>,
    /// Token that ends a text.
    pub eos: Option<u32>,
    /// Token that ends a turn, where it is another.
    pub eot: Option<u32>,
    /// Token that fills a row.
    pub pad: Option<u32>,
    /// Token for text that no other token covers.
    pub unk: Option<u32>,
    /// Whether encoding puts `bos` first; `None` leaves it to the kind of tokenizer.
    pub add_bos: Option<bool>,
    /// Whether encoding puts `eos` last.
    pub add_eos: Option<bool>,
    /// Whether encoding puts a space before the text.
    pub add_space_prefix: Option<bool>,
    /// Jinja source of the chat template.
    pub chat_template: Option<String>,
}

/// Collects the vocabulary of a file.
pub(super) fn vocabulary(file: &GgufFile) -> Result<GgufVocabulary, ModelError> {
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let model = text(file, &key("model"))?;
    let tokens = list(file, &key("tokens"), |value| value.as_str().map(Into::into))?;
    if tokens.is_empty() {
        return Err(wrong(file, &key("tokens"), "a list of texts", &"nothing"));
    }
    Ok(GgufVocabulary {
        model: model.ok_or_else(|| wrong(file, &key("model"), "a name", &"nothing"))?,
        pre: text(file, &key("pre"))?,
        tokens,
        // Scores are stored as f32 and come back as the same f32.
        #[allow(clippy::cast_possible_truncation)]
        scores: list(file, &key("scores"), |value| {
            value.as_f64().map(|score| score as f32)
        })?,
        token_types: list(file, &key("token_type"), |value| {
            value.as_i64()?.try_into().ok()
        })?,
        merges: list(file, &key("merges"), |value| value.as_str().map(Into::into))?,
        bos: id(file, "bos")?,
        eos: id(file, "eos")?,
        eot: id(file, "eot")?,
        pad: id(file, "padding")?,
        unk: id(file, "unknown")?,
        add_bos: flag(file, &key("add_bos_token"))?,
        add_eos: flag(file, &key("add_eos_token"))?,
        add_space_prefix: flag(file, &key("add_space_prefix"))?,
        chat_template: text(file, "tokenizer.chat_template")?,
    })
}

/// A list whose every element `read` accepts; an absent one is empty.
fn list<T>(
    file: &GgufFile,
    key: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, ModelError> {
    let Some(value) = file.header.metadata.get(key) else {
        return Ok(Vec::new());
    };
    let all = value.as_array().map(Vec::as_slice);
    let all = all.ok_or_else(|| wrong(file, key, "a list", value))?;
    let one = |(place, value)| {
        read(value).ok_or_else(|| wrong(file, &format!("{key}[{place}]"), "its list's type", value))
    };
    all.iter().enumerate().map(one).collect()
}

fn llama(key: &str) -> String {
    format!("llama.{key}")
}

/// A setting of the architecture that must be there and positive.
fn count(file: &GgufFile, key: &str) -> Result<usize, ModelError> {
    let found = optional_count(file, key)?;
    found.ok_or_else(|| wrong(file, &llama(key), "a positive whole number", &"nothing"))
}

/// A setting of the architecture; zero means unset, as in `llama.cpp`.
fn optional_count(file: &GgufFile, key: &str) -> Result<Option<usize>, ModelError> {
    let whole = |value: &Value| usize::try_from(value.as_u64()?).ok();
    Ok(get(file, &llama(key), "one whole number", whole)?.filter(|n| *n > 0))
}

fn number(file: &GgufFile, key: &str) -> Result<Option<f64>, ModelError> {
    get(file, &llama(key), "a number", Value::as_f64)
}

/// A special token's id; `name` is `bos`, `eos` and so on.
fn id(file: &GgufFile, name: &str) -> Result<Option<u32>, ModelError> {
    let key = format!("tokenizer.ggml.{name}_token_id");
    get(file, &key, "a token id", |value| {
        value.as_u64()?.try_into().ok()
    })
}

fn text(file: &GgufFile, key: &str) -> Result<Option<String>, ModelError> {
    get(file, key, "a text", |value| value.as_str().map(Into::into))
}

fn flag(file: &GgufFile, key: &str) -> Result<Option<bool>, ModelError> {
    get(file, key, "true or false", Value::as_bool)
}

/// The value under a full key, where it is there and `read` accepts it.
fn get<T>(
    file: &GgufFile,
    key: &str,
    expected: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, ModelError> {
    let Some(value) = file.header.metadata.get(key) else {
        return Ok(None);
    };
    read(value)
        .map(Some)
        .ok_or_else(|| wrong(file, key, expected, value))
}

/// A setting that is not what it must be.
fn wrong(file: &GgufFile, key: &str, expected: &str, found: &dyn Display) -> ModelError {
    let (path, field, mut found) = (file.path.clone(), key.into(), found.to_string());
    // A vocabulary in the place of a number would fill the screen.
    if let Some((end, _)) = found.char_indices().nth(60) {
        found.replace_range(end.., " ...");
    }
    ModelError::Config {
        path,
        field,
        expected: expected.into(),
        found,
    }
}
