//! The header of a GGUF file: its metadata, and where each tensor is.
//!
//! Layout: the `ggml` project's `docs/gguf.md`, versions 2 and 3, little-endian.
//! candle has a reader too; `docs/decisions/0002-gguf-through-candle.md` says why this one is here.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use idiolect_input::{limits, shown};
use serde_json::Value;

use super::reader::{Reader, Stored};
use crate::ModelError;

/// Metadata and tensor table of a file.
#[derive(Debug)]
pub(super) struct Header {
    /// Metadata by its key.
    pub(super) metadata: BTreeMap<String, Stored>,
    /// Tensors by their name in the file.
    pub(super) tensors: BTreeMap<String, Entry>,
    /// Position of the first tensor's first byte.
    pub(super) data_start: u64,
    /// What positions of tensors are multiples of.
    pub(super) alignment: u64,
}

/// Where a tensor is.
#[derive(Debug)]
pub(super) struct Entry {
    /// Sizes, the slowest first: the reverse of the file's order.
    pub(super) shape: Vec<usize>,
    /// Number of the type, an entry of `ggml_type`.
    pub(super) kind: u32,
    /// Position of the first byte, counted from [`Header::data_start`].
    pub(super) offset: u64,
    /// Which file it is in, where a model has several.
    pub(super) part: usize,
}

/// Most dimensions of a tensor (`GGML_MAX_DIMS`).
const MAX_DIMENSIONS: u32 = 4;
/// Characters of a key or a tensor's name that errors show.
const NAME: usize = 120;
/// Alignment of the tensors where the metadata names none.
const ALIGNMENT: u64 = 32;

/// Reads the header of a file of `size` bytes; `path` is named in errors only.
pub(super) fn read(input: impl Read, size: u64, path: &Path) -> Result<Header, ModelError> {
    let most = limits::METADATA_BYTES.value();
    let most = most.map_err(|error| ModelError::io(path, error.into()))?;
    let mut reader = Reader::new(input, size, path, most);
    let magic = reader.array::<4>()?;
    if magic != *b"GGUF" {
        return Err(reader.wrong("the letters GGUF", &magic.escape_ascii()));
    }
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(reader.wrong("version 2 or 3, little-endian", &version));
    }
    let (tensor_count, metadata_count) = (reader.u64()?, reader.u64()?);
    let metadata = reader.metadata(metadata_count)?;
    let tensors = reader.tensors(tensor_count)?;
    let alignment = alignment(&metadata, path)?;
    let data_start = reader.position().next_multiple_of(alignment);
    Ok(Header {
        metadata,
        tensors,
        data_start,
        alignment,
    })
}

fn alignment(metadata: &BTreeMap<String, Stored>, path: &Path) -> Result<u64, ModelError> {
    let Some(stored) = metadata.get("general.alignment") else {
        return Ok(ALIGNMENT);
    };
    // The format has 32 bits for it, so that no position overflows when it is rounded up.
    let valid = stored
        .one()
        .and_then(Value::as_u64)
        .filter(|n| (1..=u64::from(u32::MAX)).contains(n));
    let expected = "a positive 32-bit number";
    valid.ok_or_else(|| ModelError::corrupt(path, "general.alignment", expected, stored))
}

impl<R: Read> Reader<'_, R> {
    fn metadata(&mut self, count: u64) -> Result<BTreeMap<String, Stored>, ModelError> {
        let mut metadata = BTreeMap::new();
        for index in 0..count {
            self.enter(format!("metadata entry {index} of {count}"));
            let key = self.string()?;
            self.enter(format!("metadata {}", shown(&key, NAME)));
            let value = self.stored()?;
            if metadata.insert(key, value).is_some() {
                return Err(self.wrong("one value", &"two"));
            }
        }
        Ok(metadata)
    }

    fn tensors(&mut self, count: u64) -> Result<BTreeMap<String, Entry>, ModelError> {
        let mut tensors = BTreeMap::new();
        for index in 0..count {
            self.enter(format!("tensor {index} of {count}"));
            let name = self.string()?;
            self.enter(format!("tensor {}", shown(&name, NAME)));
            let entry = self.entry()?;
            if tensors.insert(name, entry).is_some() {
                return Err(self.wrong("one of that name", &"two"));
            }
        }
        Ok(tensors)
    }

    fn entry(&mut self) -> Result<Entry, ModelError> {
        let dimensions = self.u32()?;
        if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
            return Err(self.wrong("1 to 4 dimensions", &dimensions));
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            let size = self.u64()?;
            let size = usize::try_from(size).ok().filter(|n| *n > 0);
            shape.push(size.ok_or_else(|| self.wrong("positive sizes", &"another"))?);
        }
        shape.reverse();
        Ok(Entry {
            shape,
            kind: self.u32()?,
            offset: self.u64()?,
            part: 0,
        })
    }
}
