//! The sizes of an encoder, from `config.json` and `sentence_bert_config.json`.

use std::path::{Path, PathBuf};

use idiolect_input::{limits, read_text};
use serde::Deserialize;

use crate::EmbedError;

/// Sizes and constants of a BERT encoder.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Config {
    pub(crate) vocab_size: usize,
    pub(crate) hidden_size: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) max_position_embeddings: usize,
    pub(crate) type_vocab_size: usize,
    pub(crate) layer_norm_eps: f64,
    hidden_act: String,
    model_type: String,
    position_embedding_type: Option<String>,
    /// The most tokens of a text, its two special tokens included.
    #[serde(default)]
    pub(crate) max_tokens: usize,
}

#[derive(Deserialize)]
struct Sentence {
    max_seq_length: usize,
}

impl Config {
    pub(crate) fn read(folder: &Path) -> Result<Self, EmbedError> {
        let path = folder.join("config.json");
        let mut config: Self = json(&path)?;
        config.check(&path)?;
        let path = folder.join("sentence_bert_config.json");
        let most = config.max_position_embeddings;
        config.max_tokens = if path.is_file() {
            json::<Sentence>(&path)?.max_seq_length
        } else {
            most
        };
        if config.max_tokens < 3 || most < config.max_tokens {
            let expected = format!("3 to {most}, the model's positions");
            return Err(wrong(&path, "max_seq_length", expected, config.max_tokens));
        }
        Ok(config)
    }

    /// Refuses a tokenizer with ids that the encoder has no embedding for.
    pub(crate) fn check_ids(&self, folder: &Path, highest: u32) -> Result<(), EmbedError> {
        if (highest as usize) < self.vocab_size {
            return Ok(());
        }
        let expected = format!("above {highest}, the tokenizer's highest id");
        let path = folder.join("config.json");
        Err(wrong(&path, "vocab_size", expected, self.vocab_size))
    }

    fn check(&self, path: &Path) -> Result<(), EmbedError> {
        let positions = self.position_embedding_type.as_deref();
        let positions = positions.unwrap_or("absolute");
        for (field, expected, found) in [
            ("model_type", "bert", &*self.model_type),
            ("hidden_act", "gelu", &*self.hidden_act),
            ("position_embedding_type", "absolute", positions),
        ] {
            if found != expected {
                return Err(wrong(path, field, expected.into(), found));
            }
        }
        for (field, size) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("type_vocab_size", self.type_vocab_size),
        ] {
            if size == 0 {
                return Err(wrong(path, field, "at least 1".into(), size));
            }
        }
        if !(0.0 < self.layer_norm_eps && self.layer_norm_eps <= 1.0) {
            let expected = "above 0 and at most 1".to_owned();
            return Err(wrong(path, "layer_norm_eps", expected, self.layer_norm_eps));
        }
        let heads = self.num_attention_heads;
        if heads == 0 || !self.hidden_size.is_multiple_of(heads) {
            let expected = format!("a divisor of {}, the hidden size", self.hidden_size);
            return Err(wrong(path, "num_attention_heads", expected, heads));
        }
        Ok(())
    }
}

fn wrong(path: &Path, field: &'static str, expected: String, found: impl ToString) -> EmbedError {
    EmbedError::Config {
        path: path.into(),
        field,
        expected,
        found: found.to_string(),
    }
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, EmbedError> {
    let text = read_text(path, &limits::CONFIG_BYTES).map_err(EmbedError::io(path))?;
    serde_json::from_str(&text).map_err(|source| EmbedError::Json {
        path: PathBuf::from(path),
        source,
    })
}
