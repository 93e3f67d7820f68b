//! The header of a GGUF file: its metadata, and where each tensor is.
//!
//! Layout: the `ggml` project's `docs/gguf.md`, versions 2 and 3, little-endian.
//! candle has a reader too. This one names the key or tensor at which a damaged file ends, and refuses
//! files that make candle's divide by zero.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::types::{Layout, layout};
use crate::ModelError;

/// Metadata and tensor table of a file.
#[derive(Debug)]
pub(super) struct Header {
    /// Metadata. Numbers keep their value; f32 ones are the shortest decimal that reads back as the same f32.
    pub(super) metadata: BTreeMap<String, Value>,
    /// Tensors by their name in the file.
    pub(super) tensors: BTreeMap<String, Entry>,
    /// Position of the first tensor's first byte.
    pub(super) data_start: u64,
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
}

impl Entry {
    /// Checks that the tensor `name` is made of whole blocks and ends within the `available` bytes of tensor data.
    pub(super) fn check_extent(
        &self,
        name: &str,
        available: u64,
        path: &Path,
    ) -> Result<(), ModelError> {
        // A type that cannot be read has no known size; reading that tensor says so.
        let Some(layout) = layout(self.kind) else {
            return Ok(());
        };
        let what = format!("tensor {name}");
        let row = self.shape.last().copied().unwrap_or(0);
        if !row.is_multiple_of(layout.values) {
            let expected = format!("rows of whole {} blocks of {}", layout.name, layout.values);
            return Err(ModelError::corrupt(
                path,
                what,
                expected,
                format!("rows of {row}"),
            ));
        }
        if self.end(layout).is_some_and(|end| end <= available) {
            return Ok(());
        }
        let expected = format!("an end within {available} bytes of tensor data");
        let found = format!("{:?} at {}", self.shape, self.offset);
        Err(ModelError::corrupt(path, what, expected, found))
    }

    /// Position behind the last byte, counted from [`Header::data_start`]; `None` where it overflows.
    fn end(&self, layout: Layout) -> Option<u64> {
        let mut sizes = self.shape.iter();
        let count = sizes.try_fold(1_usize, |all, size| all.checked_mul(*size))?;
        let bytes = (count / layout.values).checked_mul(layout.bytes)?;
        self.offset.checked_add(bytes as u64)
    }
}

/// Most dimensions of a tensor (`GGML_MAX_DIMS`).
const MAX_DIMENSIONS: u32 = 4;
/// Arrays in arrays beyond this depth are an attack on the stack, not a model.
const MAX_DEPTH: u32 = 4;
/// Alignment of the tensors where the metadata names none.
const ALIGNMENT: u64 = 32;

/// Reads the header of a file of `size` bytes; `path` is named in errors only.
pub(super) fn read(input: impl Read, size: u64, path: &Path) -> Result<Header, ModelError> {
    let mut reader = Reader {
        input,
        size,
        position: 0,
        part: "header".into(),
        path,
    };
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
    let data_start = reader.position.next_multiple_of(alignment);
    Ok(Header {
        metadata,
        tensors,
        data_start,
    })
}

fn alignment(metadata: &BTreeMap<String, Value>, path: &Path) -> Result<u64, ModelError> {
    let Some(value) = metadata.get("general.alignment") else {
        return Ok(ALIGNMENT);
    };
    // The format has 32 bits for it, so that no position overflows when it is rounded up.
    let valid = value
        .as_u64()
        .filter(|n| (1..=u64::from(u32::MAX)).contains(n));
    let expected = "a positive 32-bit number";
    valid.ok_or_else(|| ModelError::corrupt(path, "general.alignment", expected, value))
}

/// A file that is read from front to back, with the name of the current part for errors.
struct Reader<'a, R> {
    input: R,
    size: u64,
    position: u64,
    part: String,
    path: &'a Path,
}

impl<R: Read> Reader<'_, R> {
    fn metadata(&mut self, count: u64) -> Result<BTreeMap<String, Value>, ModelError> {
        let mut metadata = BTreeMap::new();
        for index in 0..count {
            self.part = format!("metadata entry {index} of {count}");
            let key = self.string()?;
            self.part = format!("metadata {key}");
            let kind = self.u32()?;
            let value = self.value(kind, 0)?;
            if metadata.insert(key, value).is_some() {
                return Err(self.wrong("one value", &"two"));
            }
        }
        Ok(metadata)
    }

    fn tensors(&mut self, count: u64) -> Result<BTreeMap<String, Entry>, ModelError> {
        let mut tensors = BTreeMap::new();
        for index in 0..count {
            self.part = format!("tensor {index} of {count}");
            let name = self.string()?;
            self.part = format!("tensor {name}");
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
        })
    }

    fn value(&mut self, kind: u32, depth: u32) -> Result<Value, ModelError> {
        Ok(match kind {
            0 => self.array().map(u8::from_le_bytes)?.into(),
            1 => self.array().map(i8::from_le_bytes)?.into(),
            2 => self.array().map(u16::from_le_bytes)?.into(),
            3 => self.array().map(i16::from_le_bytes)?.into(),
            4 => self.u32()?.into(),
            5 => self.array().map(i32::from_le_bytes)?.into(),
            6 => shortest(self.array().map(f32::from_le_bytes)?).into(),
            7 => (self.array::<1>()? != [0]).into(),
            8 => self.string()?.into(),
            9 => self.list(depth)?,
            10 => self.u64()?.into(),
            11 => self.array().map(i64::from_le_bytes)?.into(),
            12 => self.array().map(f64::from_le_bytes)?.into(),
            other => return Err(self.wrong("a value type of 0 to 12", &other)),
        })
    }

    fn list(&mut self, depth: u32) -> Result<Value, ModelError> {
        if depth >= MAX_DEPTH {
            return Err(self.wrong("arrays nested at most 4 deep", &"more"));
        }
        let (kind, count) = (self.u32()?, self.u64()?);
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(kind, depth + 1)?);
        }
        Ok(Value::Array(values))
    }

    /// Text after its length. Some converters wrote bytes that are no UTF-8; those show as U+FFFD.
    fn string(&mut self) -> Result<String, ModelError> {
        let length = self.u64()?;
        self.require(length)?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.fill(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn u32(&mut self) -> Result<u32, ModelError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, ModelError> {
        self.array().map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let mut bytes = [0; N];
        self.require(N as u64)?;
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Checks that so many bytes are left, before memory is taken for them.
    fn require(&self, count: u64) -> Result<(), ModelError> {
        let left = self.size.saturating_sub(self.position);
        if count <= left {
            return Ok(());
        }
        let expected = format!("{count} bytes at position {}", self.position);
        Err(self.wrong(
            &expected,
            &format!("{left} bytes before the end of the file"),
        ))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ModelError> {
        self.input
            .read_exact(bytes)
            .map_err(|source| ModelError::io(self.path, source))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn wrong(&self, expected: &str, found: &dyn Display) -> ModelError {
        ModelError::corrupt(self.path, self.part.as_str(), expected, found)
    }
}

/// The shortest decimal that reads back as `number`: 1e-5 and not 0.00000999999974737875.
fn shortest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}
