//! The values of a GGUF header, read from front to back.
//!
//! Lists are kept as the bytes that they are in the file and become values one at a time: as values they
//! would take thirty times the memory.

use std::fmt::{self, Display};
use std::io::Read;
use std::path::Path;

use idiolect_input::limits;
use serde_json::Value;

use crate::ModelError;

/// Arrays in arrays beyond this depth are an attack on the stack, not a model.
const MAX_DEPTH: u32 = 4;
/// Number of the type of texts.
const TEXT: u32 = 8;
/// Number of the type of lists.
const LIST: u32 = 9;

/// What stands under a key.
#[derive(Debug)]
pub(super) enum Stored {
    /// One value. Numbers keep their value; f32 ones are the shortest decimal that reads back as the same f32.
    One(Value),
    /// A list.
    List(List),
}

/// A list as it stands in the file.
#[derive(Debug)]
pub(super) struct List {
    kind: u32,
    count: u64,
    bytes: Vec<u8>,
}

impl Stored {
    /// The value, where it is no list.
    pub(super) fn one(&self) -> Option<&Value> {
        match self {
            Self::One(value) => Some(value),
            Self::List(_) => None,
        }
    }
}

impl Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(value) => value.fmt(f),
            Self::List(list) => write!(f, "a list of {}", list.count),
        }
    }
}

impl List {
    /// Gives every element to `take`, with its place.
    pub(super) fn each(
        &self,
        path: &Path,
        mut take: impl FnMut(u64, &Value) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let size = self.bytes.len() as u64;
        let mut reader = Reader::new(&*self.bytes, size, path, u64::MAX);
        for place in 0..self.count {
            take(place, &reader.value(self.kind)?)?;
        }
        Ok(())
    }
}

/// A file that is read from front to back, with the name of the current part for errors.
pub(super) struct Reader<'a, R> {
    input: R,
    size: u64,
    position: u64,
    part: String,
    path: &'a Path,
    /// Bytes that may be read; the rest of the file is tensors.
    most: u64,
}

impl<'a, R: Read> Reader<'a, R> {
    pub(super) fn new(input: R, size: u64, path: &'a Path, most: u64) -> Self {
        Self {
            input,
            size,
            position: 0,
            part: "header".into(),
            path,
            most,
        }
    }
}

impl<R: Read> Reader<'_, R> {
    /// Begins a part of the file that errors name.
    pub(super) fn enter(&mut self, part: String) {
        self.part = part;
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// A value of any type, behind the number of its type.
    pub(super) fn stored(&mut self) -> Result<Stored, ModelError> {
        let kind = self.u32()?;
        if kind != LIST {
            return self.value(kind).map(Stored::One);
        }
        let (kind, count) = (self.u32()?, self.u64()?);
        let mut bytes = Vec::new();
        self.elements(kind, count, 1, &mut bytes)?;
        Ok(Stored::List(List { kind, count, bytes }))
    }

    /// Adds the bytes of so many values to `bytes`.
    fn elements(
        &mut self,
        kind: u32,
        count: u64,
        depth: u32,
        bytes: &mut Vec<u8>,
    ) -> Result<(), ModelError> {
        if let Some(width) = width(kind) {
            return self.take(count.saturating_mul(width), bytes);
        }
        for _ in 0..count {
            match kind {
                TEXT => {
                    let length = self.u64()?;
                    bytes.extend(length.to_le_bytes());
                    self.take(length, bytes)?;
                }
                LIST if depth < MAX_DEPTH => {
                    let (kind, count) = (self.u32()?, self.u64()?);
                    bytes.extend(kind.to_le_bytes());
                    bytes.extend(count.to_le_bytes());
                    self.elements(kind, count, depth + 1, bytes)?;
                }
                LIST => return Err(self.wrong("arrays nested at most 4 deep", &"more")),
                other => return Err(self.wrong("a value type of 0 to 12", &other)),
            }
        }
        Ok(())
    }

    /// A value of a type that is no list.
    fn value(&mut self, kind: u32) -> Result<Value, ModelError> {
        Ok(match kind {
            0 => self.array().map(u8::from_le_bytes)?.into(),
            1 => self.array().map(i8::from_le_bytes)?.into(),
            2 => self.array().map(u16::from_le_bytes)?.into(),
            3 => self.array().map(i16::from_le_bytes)?.into(),
            4 => self.u32()?.into(),
            5 => self.array().map(i32::from_le_bytes)?.into(),
            6 => shortest(self.array().map(f32::from_le_bytes)?).into(),
            7 => (self.array::<1>()? != [0]).into(),
            TEXT => self.string()?.into(),
            10 => self.u64()?.into(),
            11 => self.array().map(i64::from_le_bytes)?.into(),
            12 => self.array().map(f64::from_le_bytes)?.into(),
            LIST => return Err(self.wrong("a list of values", &"a list of lists")),
            other => return Err(self.wrong("a value type of 0 to 12", &other)),
        })
    }

    /// Text after its length. Some converters wrote bytes that are no UTF-8; those show as U+FFFD.
    pub(super) fn string(&mut self) -> Result<String, ModelError> {
        let length = self.u64()?;
        let mut bytes = Vec::new();
        self.take(length, &mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn u32(&mut self) -> Result<u32, ModelError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, ModelError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let mut bytes = [0; N];
        self.require(N as u64)?;
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Adds the next bytes of the file to `bytes`.
    fn take(&mut self, count: u64, bytes: &mut Vec<u8>) -> Result<(), ModelError> {
        self.require(count)?;
        let start = bytes.len();
        let end = usize::try_from(count)
            .ok()
            .and_then(|n| start.checked_add(n));
        bytes.resize(end.unwrap_or(usize::MAX), 0);
        self.fill(&mut bytes[start..])
    }

    /// Checks that so many bytes are left, and may be read, before memory is taken for them.
    fn require(&self, count: u64) -> Result<(), ModelError> {
        let left = self.size.saturating_sub(self.position);
        if count > left {
            let expected = format!("{count} bytes at position {}", self.position);
            let found = format!("{left} bytes before the end of the file");
            return Err(self.wrong(&expected, &found));
        }
        if self.position.saturating_add(count) > self.most {
            let error = limits::METADATA_BYTES.exceeded(self.most, "more");
            return Err(ModelError::io(self.path, error.into()));
        }
        Ok(())
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ModelError> {
        self.input
            .read_exact(bytes)
            .map_err(|source| ModelError::io(self.path, source))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn wrong(&self, expected: &str, found: &dyn Display) -> ModelError {
        ModelError::corrupt(self.path, self.part.as_str(), expected, found)
    }
}

/// Bytes of a value of a type whose values all have as many.
fn width(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

/// The shortest decimal that reads back as `number`: 1e-5 and not 0.00000999999974737875.
fn shortest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}
