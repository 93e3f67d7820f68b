//! A configuration as `config.json` and `generation_config.json`.
//!
//! What the checkpoint said is kept, what the decoder knows stands in its place, and nothing is left to be filled in
//! by a reader: an absent setting means other things to others.

use serde_json::{Map, Value, json};

use super::families::Shape;
use super::rope::ORIGINAL;
use super::{ModelConfig, Wrapper, wrapper};

/// `config.json` and `generation_config.json`.
pub(crate) struct ConfigFiles {
    pub(crate) config: Value,
    pub(crate) generation: Value,
}

/// Both configuration files of weights that are stored in `dtype`, in the classic form where the class has one:
/// every version of transformers reads it.
pub(crate) fn config_files(config: &ModelConfig, dtype: &str) -> ConfigFiles {
    ConfigFiles {
        config: config_json(config, dtype).into(),
        generation: generation_json(config).into(),
    }
}

fn config_json(config: &ModelConfig, dtype: &str) -> Map<String, Value> {
    let mut json = config.carried.config().clone();
    for other in ["dtype", "transformers_version"] {
        json.remove(other);
    }
    let (class, kind) = (
        config.architecture.class(),
        config.architecture.model_type(),
    );
    let settings = [
        ("architectures", json!([class])),
        ("model_type", json!(kind)),
        ("vocab_size", json!(config.vocab_size)),
        ("hidden_size", json!(config.hidden_size)),
        ("intermediate_size", json!(config.intermediate_size)),
        ("num_hidden_layers", json!(config.num_layers)),
        ("num_attention_heads", json!(config.num_heads)),
        ("num_key_value_heads", json!(config.num_kv_heads)),
        ("max_position_embeddings", json!(config.max_positions)),
        ("rms_norm_eps", json!(config.norm_eps)),
        ("hidden_act", json!("silu")),
        ("tie_word_embeddings", json!(config.tied)),
        ("torch_dtype", json!(dtype)),
        ("bos_token_id", json!(config.bos)),
        ("eos_token_id", own_ends(config)),
        ("pad_token_id", json!(config.pad)),
    ];
    json.extend(settings.map(|(name, value)| (name.to_owned(), value)));
    json.entry("use_cache").or_insert(true.into());
    write_rope(config, &mut json);
    let shape = Shape {
        layers: config.num_layers,
        head_dim: config.head_dim,
        window: config.sliding_window,
        switches: &config.switches,
    };
    (config.architecture.family().write)(&shape, &mut json);
    if config.head_dim * config.num_heads != config.hidden_size {
        json.insert("head_dim".into(), config.head_dim.into());
    }
    match config.wrapper {
        Wrapper::None => json,
        one => wrapper::wrapped(one, config.carried.outer(), json),
    }
}

/// The settings of generation as they were, with the ids that the decoder knows.
fn generation_json(config: &ModelConfig) -> Map<String, Value> {
    let mut json = config.carried.generation().clone();
    json.remove("transformers_version");
    json.insert("eos_token_id".into(), ends(&config.eos));
    for (name, id) in [("bos_token_id", config.bos), ("pad_token_id", config.pad)] {
        json.entry(name).or_insert(json!(id));
    }
    json
}

/// The ends of a text in `config.json`: what it said, where the other file says what counts.
fn own_ends(config: &ModelConfig) -> Value {
    let elsewhere = config.carried.generation().get("eos_token_id");
    let own = config.carried.config().get("eos_token_id");
    let own = own.filter(|_| elsewhere.is_some_and(|ids| !ids.is_null()));
    own.cloned().unwrap_or_else(|| ends(&config.eos))
}

fn ends(ids: &[u32]) -> Value {
    match ids {
        [] => Value::Null,
        [one] => json!(one),
        many => json!(many),
    }
}

/// Adds base and stretching to a `config.json`: in the classic form, which every version of transformers reads, or as
/// `rope_parameters` for a class that never had another.
fn write_rope(config: &ModelConfig, json: &mut Map<String, Value>) {
    for old in ["rope_parameters", "rope_scaling", "rope_theta", ORIGINAL] {
        json.remove(old);
    }
    let is_new = config.architecture.family().rope_parameters.is_some();
    let scaling = config.rope_scaling.to_json();
    let mut map = if is_new || !scaling.is_null() {
        config.carried.rope().clone()
    } else {
        Map::new()
    };
    map.remove("rope_theta");
    if let Value::Object(own) = scaling {
        map.extend(own);
    }
    if is_new {
        map.entry("rope_type").or_insert_with(|| "default".into());
        map.insert("rope_theta".into(), json!(config.rope_theta));
        json.insert("rope_parameters".into(), map.into());
        return;
    }
    json.insert("rope_theta".into(), json!(config.rope_theta));
    let scaling = if map.is_empty() {
        Value::Null
    } else {
        map.into()
    };
    json.insert("rope_scaling".into(), scaling);
}
