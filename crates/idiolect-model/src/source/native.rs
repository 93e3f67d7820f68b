//! Mistral's own folders as a source of tensors: `consolidated.safetensors` with names of its own.
//!
//! The rotary pairs of query and key rows are neighbours there, as in GGUF files, and become two halves here.

use std::path::{Path, PathBuf};

use super::{Folder, Source, StoredTensor, WeightNames};
use crate::ModelError;
use crate::gguf::join_halves;

/// Names of the files.
const NAMES: WeightNames = WeightNames {
    single: "consolidated.safetensors",
    index: "consolidated.safetensors.index.json",
};

/// A native folder.
pub(crate) struct NativeFolder {
    folder: Folder,
    head_dim: usize,
}

impl NativeFolder {
    pub(crate) fn open(path: &Path, head_dim: usize) -> Result<Self, ModelError> {
        let folder = Folder::open_named(path, NAMES, own_name)?;
        Ok(Self { folder, head_dim })
    }
}

impl Source for NativeFolder {
    fn names(&self) -> Vec<String> {
        self.folder.names()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.file(name)
    }

    fn stored(&self, name: &str) -> Option<String> {
        self.folder.stored(name)
    }

    fn read(&mut self, name: &str) -> Result<StoredTensor, ModelError> {
        let mut tensor = self.folder.read(name)?;
        if name.ends_with("q_proj.weight") || name.ends_with("k_proj.weight") {
            let rows = tensor.shape.first().copied().unwrap_or(0);
            if !rows.is_multiple_of(self.head_dim) {
                let (what, expected) = (
                    format!("tensor {name}"),
                    format!("whole heads of {} rows", self.head_dim),
                );
                return Err(ModelError::corrupt(&self.file(name), what, expected, rows));
            }
            join_halves(&mut tensor, self.head_dim);
        }
        Ok(tensor)
    }
}

/// `layers.3.attention.wq.weight` to `model.layers.3.self_attn.q_proj.weight`; unknown names stay.
fn own_name(stored: &str) -> String {
    let parts: Vec<&str> = stored.split('.').collect();
    match parts.as_slice() {
        ["tok_embeddings", end] => format!("model.embed_tokens.{end}"),
        ["norm", end] => format!("model.norm.{end}"),
        ["output", end] => format!("lm_head.{end}"),
        ["layers", layer, part @ .., end] => match block_part(&part.join(".")) {
            Some(part) => format!("model.layers.{layer}.{part}.{end}"),
            None => stored.into(),
        },
        _ => stored.into(),
    }
}

fn block_part(own: &str) -> Option<&'static str> {
    Some(match own {
        "attention_norm" => "input_layernorm",
        "ffn_norm" => "post_attention_layernorm",
        "attention.wq" => "self_attn.q_proj",
        "attention.wk" => "self_attn.k_proj",
        "attention.wv" => "self_attn.v_proj",
        "attention.wo" => "self_attn.o_proj",
        "feed_forward.w1" => "mlp.gate_proj",
        "feed_forward.w3" => "mlp.up_proj",
        "feed_forward.w2" => "mlp.down_proj",
        _ => return None,
    })
}
