//! GGUF files: the weights of a Llama-architecture model with its tokenizer, in one file.
//!
//! Names, settings and the order of the query and key rows are given back as in a Hugging Face folder.
//! `llama.cpp`'s converter turns the rotary pairs of a head from two halves into neighbours
//! (`LlamaModel.permute` in `convert_hf_to_gguf.py`); reading undoes it.
//! candle's `quantized` module unpacks the quantised blocks; nothing is computed on them here.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use candle_core::CpuStorage;

use crate::ModelError;
use crate::source::{Source, StoredTensor};
use header::{Entry, Header};

mod header;
mod metadata;

pub use metadata::GgufVocabulary;

/// Types that can be read, as `ggml` names them.
const READABLE: &str = "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K";
/// Bytes read from the file at once.
const CHUNK: usize = 1 << 20;
/// Llama 3's stretching of the rotary frequencies, one divisor a frequency.
const ROPE_DIVISORS: &str = "rope_freqs.weight";

/// An open file whose head has been read and checked.
#[derive(Debug)]
pub struct GgufFile {
    path: PathBuf,
    file: File,
    header: Header,
    /// Hugging Face names (or the file's own where there is none) and the names in the file.
    names: BTreeMap<String, String>,
    rope_divisors: Option<Vec<f32>>,
}

impl GgufFile {
    /// Opens a file, reads its metadata and checks that every tensor lies within it.
    ///
    /// # Errors
    ///
    /// [`ModelError::Io`] when it cannot be read; [`ModelError::Corrupt`] names the key or tensor at which
    /// it is cut off or contradicts itself.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let io = |source| ModelError::io(path, source);
        let file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let header = header::read(BufReader::new(&file), size, path)?;
        for (name, entry) in &header.tensors {
            check_extent(name, entry, size.saturating_sub(header.data_start), path)?;
        }
        let kept = header.tensors.keys().filter(|name| *name != ROPE_DIVISORS);
        let names = kept
            .map(|name| (hugging_face_name(name), name.clone()))
            .collect();
        let mut opened = Self {
            path: path.into(),
            file,
            header,
            names,
            rope_divisors: None,
        };
        if opened.header.tensors.contains_key(ROPE_DIVISORS) {
            opened.rope_divisors = Some(opened.unpack(ROPE_DIVISORS)?.values);
        }
        Ok(opened)
    }

    /// The settings of the model, as a classic Hugging Face `config.json` has them.
    ///
    /// # Errors
    ///
    /// [`ModelError::Config`] names the metadata key that is missing, malformed or asks for an
    /// architecture other than Llama's.
    pub fn config(&self) -> Result<serde_json::Value, ModelError> {
        metadata::config(self)
    }

    /// The tokenizer's raw material.
    ///
    /// # Errors
    ///
    /// [`ModelError::Config`] names the metadata key that is missing or has the wrong type.
    pub fn vocabulary(&self) -> Result<GgufVocabulary, ModelError> {
        metadata::vocabulary(self)
    }

    /// Hugging Face names of all tensors, sorted; a tensor that Llama does not have keeps its own name.
    #[must_use]
    pub fn tensor_names(&self) -> Vec<String> {
        self.names.keys().cloned().collect()
    }

    /// Reads one tensor of [`GgufFile::tensor_names`], in f32, with the rows in Hugging Face order.
    ///
    /// # Errors
    ///
    /// [`ModelError::Missing`] when there is none of that name, [`ModelError::Stored`] when its type cannot
    /// be unpacked, [`ModelError::Io`] when the file cannot be read.
    pub fn read(&self, name: &str) -> Result<StoredTensor, ModelError> {
        let Some(own) = self.names.get(name) else {
            return Err(ModelError::Missing {
                path: self.path.clone(),
                tensors: vec![name.into()],
            });
        };
        let mut tensor = self.unpack(own)?;
        if matches!(own.split('.').nth(2), Some("attn_q" | "attn_k")) {
            let head_dim = metadata::head_dim(self)?;
            self.check_heads(name, &tensor.shape, head_dim)?;
            join_halves(&mut tensor, head_dim);
        }
        Ok(tensor)
    }

    fn check_heads(&self, name: &str, shape: &[usize], head_dim: usize) -> Result<(), ModelError> {
        let rows = shape.first().copied().unwrap_or(0);
        if rows.is_multiple_of(head_dim) {
            return Ok(());
        }
        let what = format!("tensor {name}");
        Err(corrupt(
            &self.path,
            what,
            format!("whole heads of {head_dim} rows"),
            &rows,
        ))
    }

    /// Reads a tensor by its name in the file, a stretch at a time so that its blocks are never all held.
    fn unpack(&self, own: &str) -> Result<StoredTensor, ModelError> {
        let Some(entry) = self.header.tensors.get(own) else {
            return Err(ModelError::Missing {
                path: self.path.clone(),
                tensors: vec![own.into()],
            });
        };
        let (stored, kind) = entry.layout().ok_or_else(|| self.unreadable(own, entry))?;
        let io = |source| ModelError::io(&self.path, source);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.header.data_start + entry.offset))
            .map_err(io)?;
        let count = entry.shape.iter().product::<usize>();
        let mut values = Vec::with_capacity(count);
        let stretch = CHUNK / kind.type_size() * kind.block_size();
        while values.len() < count {
            let part = stretch.min(count - values.len());
            let mut bytes = vec![0; part / kind.block_size() * kind.type_size()];
            file.read_exact(&mut bytes).map_err(io)?;
            match kind.from_data(bytes.into()).dequantize(part) {
                Ok(CpuStorage::F32(part)) => values.extend(part),
                _ => return Err(self.unreadable(own, entry)),
            }
        }
        Ok(StoredTensor {
            shape: entry.shape.clone(),
            values,
            stored: stored.into(),
        })
    }

    fn unreadable(&self, own: &str, entry: &Entry) -> ModelError {
        ModelError::Stored {
            path: self.path.clone(),
            tensor: own.into(),
            found: format!("{} (ggml type {})", entry.other_name(), entry.kind),
            readable: READABLE,
        }
    }
}

impl Source for GgufFile {
    fn names(&self) -> Vec<String> {
        self.tensor_names()
    }

    fn file(&self, _: &str) -> PathBuf {
        self.path.clone()
    }

    fn read(&mut self, name: &str) -> Result<StoredTensor, ModelError> {
        Self::read(self, name)
    }
}

fn corrupt(
    path: &Path,
    what: impl Into<String>,
    expected: impl Into<String>,
    found: &dyn Display,
) -> ModelError {
    let (what, expected, found) = (what.into(), expected.into(), found.to_string());
    ModelError::Corrupt {
        path: path.into(),
        what,
        expected,
        found,
    }
}

/// Checks that a tensor is made of whole blocks and ends within the `available` bytes of tensor data.
fn check_extent(name: &str, entry: &Entry, available: u64, path: &Path) -> Result<(), ModelError> {
    // A type that cannot be read has no known size; reading that tensor says so.
    let Some((stored, kind)) = entry.layout() else {
        return Ok(());
    };
    let what = || format!("tensor {name}");
    let row = entry.shape.last().copied().unwrap_or(0);
    if !row.is_multiple_of(kind.block_size()) {
        let expected = format!("rows of whole {stored} blocks of {}", kind.block_size());
        return Err(corrupt(path, what(), expected, &format!("rows of {row}")));
    }
    let count = entry
        .shape
        .iter()
        .try_fold(1_usize, |all, size| all.checked_mul(*size));
    let bytes = count
        .map(|count| count / kind.block_size())
        .and_then(|n| n.checked_mul(kind.type_size()));
    let end = bytes.and_then(|bytes| entry.offset.checked_add(bytes as u64));
    if end.is_some_and(|end| end <= available) {
        return Ok(());
    }
    let expected = format!("an end within {available} bytes of tensor data");
    Err(corrupt(
        path,
        what(),
        expected,
        &format!("{:?} at {}", entry.shape, entry.offset),
    ))
}

/// `blk.3.attn_q.weight` to `model.layers.3.self_attn.q_proj.weight`; unknown names stay.
fn hugging_face_name(own: &str) -> String {
    let parts: Vec<&str> = own.split('.').collect();
    match parts.as_slice() {
        ["token_embd", end] => format!("model.embed_tokens.{end}"),
        ["output_norm", end] => format!("model.norm.{end}"),
        ["output", end] => format!("lm_head.{end}"),
        ["blk", layer, part, end] => match block_part(part) {
            Some(part) => format!("model.layers.{layer}.{part}.{end}"),
            None => own.into(),
        },
        _ => own.into(),
    }
}

fn block_part(own: &str) -> Option<&'static str> {
    Some(match own {
        "attn_norm" => "input_layernorm",
        "ffn_norm" => "post_attention_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        _ => return None,
    })
}

/// Undoes the converter's order of rows: in each head, row `2 i + j` goes to `j * head_dim / 2 + i`.
fn join_halves(tensor: &mut StoredTensor, head_dim: usize) {
    let width: usize = tensor.shape.iter().skip(1).product();
    let half = head_dim / 2;
    let mut head = vec![0.0; head_dim * width];
    for rows in tensor.values.chunks_exact_mut(head_dim * width) {
        for (from, row) in rows.chunks_exact(width).enumerate() {
            let to = from % 2 * half + from / 2;
            head[to * width..][..width].copy_from_slice(row);
        }
        rows.copy_from_slice(&head);
    }
}
