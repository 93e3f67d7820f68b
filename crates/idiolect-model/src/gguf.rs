//! GGUF files: the weights of a model with its tokenizer, in one file.
//!
//! Names, settings and the order of the query and key rows are given back as in a Hugging Face folder.
//! `llama.cpp`'s converter turns the rotary pairs of a head from two halves into neighbours
//! (`LlamaModel.permute` in `convert_hf_to_gguf.py`); reading undoes it.
//! Settings, vocabulary and plain tensors are read in every build; quantised tensors are read, and files are written, by
//! feature `gguf`.

mod architecture;
mod block_tensor;
mod blocks;
mod dequantize;
mod extent;
mod header;
mod metadata;
mod names;
mod own_settings;
mod parts;
mod reader;
mod settings;
mod types;
mod vocabulary;
#[cfg(feature = "gguf")]
mod write;

pub use block_tensor::BlockTensor;
pub use vocabulary::VocabularyMetadata;
#[cfg(feature = "gguf")]
pub use write::{Destination, GgufContents, GgufTensor, GgufType, GgufValue};

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use idiolect_kernels::not_finite;
use safetensors::Dtype;

use self::architecture::Architecture;
use self::dequantize::dequantized;
use self::header::{Entry, Header};
use self::metadata::Metadata;
pub(crate) use self::names::join_halves;
use self::names::{has_pairs, hugging_face_name};
pub use self::parts::parts_of;
use self::parts::{Part, Parts};
use self::types::Layout;
use crate::ModelError;
use crate::floats::{FloatProblem, Order, widened};
use crate::source::{Source, StoredTensor};

/// Bytes read from the file at once.
const CHUNK: usize = 1 << 20;
/// Llama 3's stretching of the rotary frequencies, one divisor a frequency.
const ROPE_DIVISORS: &str = "rope_freqs.weight";

/// An open file whose header has been read and checked.
#[derive(Debug)]
pub struct GgufFile {
    path: PathBuf,
    files: Vec<Part>,
    header: Header,
    /// Hugging Face names (or the file's own where there is none) and the names in the file.
    names: BTreeMap<String, String>,
    rope_divisors: Option<Vec<f32>>,
}

impl GgufFile {
    /// Opens a file, reads its metadata and checks that every tensor is within it, aligned, and apart from others. The
    /// first of several parts (`NAME-00001-of-00003.gguf`) brings the others.
    ///
    /// # Errors
    ///
    /// [`ModelError::Io`] when it cannot be read; [`ModelError::Corrupt`] names the key or tensor at which
    /// it is cut off or contradicts itself, and for a part the first or the missing one.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let Parts { header, files } = Parts::open(path)?;
        let weights = header.tensors.keys().filter(|name| *name != ROPE_DIVISORS);
        let names = weights
            .map(|name| (hugging_face_name(name), name.clone()))
            .collect();
        let mut opened = Self {
            path: path.into(),
            files,
            header,
            names,
            rope_divisors: None,
        };
        if opened.header.tensors.contains_key(ROPE_DIVISORS) {
            opened.rope_divisors = Some(opened.read_own(ROPE_DIVISORS)?.values);
        }
        Ok(opened)
    }

    /// A value of the metadata by its full key; none for a list and where there is none.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&serde_json::Value> {
        self.header.metadata.get(key)?.one()
    }

    /// The settings of the model, as a classic Hugging Face `config.json` has them.
    ///
    /// # Errors
    ///
    /// [`ModelError::Config`] names the metadata key that is missing, malformed or asks for an
    /// architecture other than Llama's.
    pub fn config(&self) -> Result<serde_json::Value, ModelError> {
        self.metadata().config()
    }

    /// The tokenizer's raw material.
    ///
    /// # Errors
    ///
    /// [`ModelError::Config`] names the metadata key that is missing or has the wrong type.
    pub fn vocabulary(&self) -> Result<VocabularyMetadata, ModelError> {
        vocabulary::read(&self.metadata())
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
    /// be read, [`ModelError::Feature`] when it is quantised and feature `gguf` is left out,
    /// [`ModelError::Corrupt`] for a value that is no finite number, [`ModelError::Io`] when the file cannot be read.
    pub fn read(&self, name: &str) -> Result<StoredTensor, ModelError> {
        let Some(own) = self.names.get(name) else {
            return Err(ModelError::Missing {
                path: self.path.clone(),
                tensors: vec![name.into()],
            });
        };
        let mut tensor = self.read_own(own)?;
        let turned = self.architecture().turns_rows();
        if turned && has_pairs(own) {
            let head_dim = self.metadata().head_dim()?;
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
        let (what, expected) = (
            format!("tensor {name}"),
            format!("whole heads of {head_dim} rows"),
        );
        Err(ModelError::corrupt(&self.path, what, expected, rows))
    }

    /// The architecture; Llama until a file is refused for another.
    fn architecture(&self) -> Architecture {
        let name = self.value("general.architecture");
        let name = name.and_then(serde_json::Value::as_str);
        name.and_then(Architecture::of)
            .unwrap_or(Architecture::Llama)
    }

    fn metadata(&self) -> Metadata<'_> {
        Metadata {
            path: &self.path,
            header: &self.header,
            architecture: self.architecture(),
            rope_divisors: self.rope_divisors.as_deref(),
        }
    }

    /// Reads a tensor by its name in the file, in pieces, so that never all of its blocks are in memory.
    fn read_own(&self, own: &str) -> Result<StoredTensor, ModelError> {
        let Some(entry) = self.header.tensors.get(own) else {
            return Err(ModelError::Missing {
                path: self.path.clone(),
                tensors: vec![own.into()],
            });
        };
        let layout = types::layout(entry.kind).ok_or_else(|| self.unreadable(own, entry))?;
        let mut reader = self.reader(entry)?;
        let count = entry.shape.iter().product::<usize>();
        let mut values = Vec::with_capacity(count);
        let at_once = CHUNK / layout.bytes * layout.values;
        while values.len() < count {
            let size = at_once.min(count - values.len());
            let mut bytes = vec![0; size / layout.values * layout.bytes];
            reader.fill(&mut bytes)?;
            let read = f32_values(entry.kind, layout, bytes);
            let read = read.ok_or_else(|| self.no_values(own, entry, layout))?;
            if let Some(mut found) = not_finite(&read) {
                found.place += values.len();
                return Err(FloatProblem::NotFinite(found).in_tensor(&self.part(entry).path, own));
            }
            values.extend(read);
        }
        Ok(StoredTensor {
            shape: entry.shape.clone(),
            values,
            stored: layout.name.into(),
        })
    }

    /// The bytes of a tensor, from its first on.
    fn reader(&self, entry: &Entry) -> Result<Reader<'_>, ModelError> {
        let part = self.part(entry);
        let place = SeekFrom::Start(part.data_start + entry.offset);
        let sought = (&part.file).seek(place);
        sought.map_err(|source| ModelError::io(&part.path, source))?;
        Ok(Reader { part })
    }

    /// The file that holds a tensor.
    fn part(&self, entry: &Entry) -> &Part {
        // Entries are numbered by the files that they were read from.
        &self.files[entry.part]
    }

    fn no_values(&self, own: &str, entry: &Entry, layout: Layout) -> ModelError {
        if cfg!(feature = "gguf") {
            return self.unreadable(own, entry);
        }
        ModelError::Feature {
            path: self.path.clone(),
            what: format!("tensor {own} of type {}", layout.name),
            feature: "gguf",
        }
    }

    fn unreadable(&self, own: &str, entry: &Entry) -> ModelError {
        ModelError::Stored {
            path: self.path.clone(),
            tensor: own.into(),
            found: format!(
                "{} (ggml type {})",
                types::other_name(entry.kind),
                entry.kind
            ),
            readable: types::READABLE,
        }
    }
}

/// A file at a place.
struct Reader<'a> {
    part: &'a Part,
}

impl Reader<'_> {
    /// Reads the next bytes.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ModelError> {
        let read = (&self.part.file).read_exact(bytes);
        read.map_err(|source| ModelError::io(&self.part.path, source))
    }
}

/// Values of whole blocks; `None` when this build cannot read their type.
fn f32_values(kind: u32, layout: Layout, bytes: Vec<u8>) -> Option<Vec<f32>> {
    match layout.name {
        "F32" => widened(&bytes, Dtype::F32, Order::Stored),
        "F16" => widened(&bytes, Dtype::F16, Order::Stored),
        "BF16" => widened(&bytes, Dtype::BF16, Order::Stored),
        _ => {
            let values = bytes.len() / layout.bytes * layout.values;
            dequantized(kind, bytes, values)
        }
    }
}

impl Source for GgufFile {
    fn names(&self) -> Vec<String> {
        self.tensor_names()
    }

    fn file(&self, name: &str) -> PathBuf {
        let own = self.names.get(name);
        let entry = own.and_then(|own| self.header.tensors.get(own));
        entry.map_or_else(|| self.path.clone(), |entry| self.part(entry).path.clone())
    }

    fn stored(&self, name: &str) -> Option<String> {
        let entry = self.header.tensors.get(self.names.get(name)?)?;
        types::layout(entry.kind).map(|layout| layout.name.to_owned())
    }

    fn read(&mut self, name: &str) -> Result<StoredTensor, ModelError> {
        Self::read(self, name)
    }

    fn read_blocks(&mut self, name: &str) -> Result<Option<BlockTensor>, ModelError> {
        Self::read_blocks(self, name)
    }
}
