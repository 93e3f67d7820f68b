//! The files of a model: one, or the parts into which llama.cpp's `gguf-split` cuts a large one.
//!
//! Parts are called `NAME-00001-of-00003.gguf` and so on. The first has all metadata of the model, each has tensors of
//! its own, and `split.no`, `split.count` and `split.tensors.count` say how they belong together.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use idiolect_input::open_regular;
use serde_json::Value;

use super::extent::check_extents;
use super::header::{self, Header};
use crate::ModelError;

/// One file, open.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) file: File,
    /// Position of the first tensor's first byte.
    pub(super) data_start: u64,
}

/// All files of a model, with the metadata of the first and the tensors of all.
pub(super) struct Parts {
    pub(super) header: Header,
    pub(super) files: Vec<Part>,
}

impl Parts {
    /// Opens a file, and the other parts where it is the first of several.
    pub(super) fn open(path: &Path) -> Result<Self, ModelError> {
        let (mut header, first) = part(path)?;
        let count = number(&header, "split.count", path)?.unwrap_or(1);
        let mut files = vec![first];
        if count < 2 {
            return Ok(Self { header, files });
        }
        let name = Name::of(path, count);
        let own = number(&header, "split.no", path)?.unwrap_or(0);
        if own != 0 {
            let expected = format!("the first of {count} parts, {}", name.shown(0));
            let found = format!("part {}", own.saturating_add(1));
            return Err(ModelError::corrupt(path, "split.no", expected, found));
        }
        for number in 1..count {
            let (more, part) = name.other(path, number)?;
            for (tensor, mut entry) in more.tensors {
                entry.part = files.len();
                let what = format!("tensor {tensor}");
                if header.tensors.insert(tensor, entry).is_some() {
                    let expected = "in one part alone";
                    return Err(ModelError::corrupt(&part.path, what, expected, "two"));
                }
            }
            files.push(part);
        }
        check_count(&header, path)?;
        Ok(Self { header, files })
    }
}

/// The paths of all parts of a model whose first file this is; of any other file its own.
///
/// # Errors
///
/// As for [`super::GgufFile::open`].
pub fn parts_of(path: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let parts = Parts::open(path)?;
    Ok(parts.files.into_iter().map(|part| part.path).collect())
}

fn part(path: &Path) -> Result<(Header, Part), ModelError> {
    let io = |source| ModelError::io(path, source);
    let file = open_regular(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let header = header::read(BufReader::new(&file), size, path)?;
    check_extents(&header, size, path)?;
    let part = Part {
        path: path.into(),
        file,
        data_start: header.data_start,
    };
    Ok((header, part))
}

fn number(header: &Header, key: &str, path: &Path) -> Result<Option<u64>, ModelError> {
    let Some(stored) = header.metadata.get(key) else {
        return Ok(None);
    };
    let number = stored.one().and_then(Value::as_u64);
    let number = number.and_then(|number| u32::try_from(number).ok());
    let number = number.map(u64::from);
    let wrong = || ModelError::corrupt(path, key, "a whole number of 32 bits", stored);
    number.map(Some).ok_or_else(wrong)
}

/// How the parts of a model are called.
struct Name {
    /// What stands before the number of a part; none where the first part is not called so.
    stem: Option<String>,
    count: u64,
}

impl Name {
    fn of(path: &Path, count: u64) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.strip_suffix(&format!("-of-{count:05}.gguf"));
        let stem = stem.and_then(|rest| Some(rest.split_at_checked(rest.len().checked_sub(6)?)?.0));
        Self {
            stem: stem.map(str::to_owned),
            count,
        }
    }

    /// The name of a part, counted from 0.
    fn shown(&self, number: u64) -> String {
        let stem = self.stem.as_deref().unwrap_or("NAME");
        let (number, count) = (number + 1, self.count);
        format!("{stem}-{number:05}-of-{count:05}.gguf")
    }

    /// A part beside the first.
    fn other(&self, first: &Path, number: u64) -> Result<(Header, Part), ModelError> {
        let (name, what) = (
            self.shown(number),
            format!("part {} of {}", number + 1, self.count),
        );
        let path = first.with_file_name(&name);
        if self.stem.is_none() || !path.exists() {
            let expected = format!("{name} beside it");
            return Err(ModelError::corrupt(first, what, expected, "no such file"));
        }
        let (header, part) = part(&path)?;
        for (key, expected) in [("split.no", number), ("split.count", self.count)] {
            let found = self::number(&header, key, &path)?;
            if found != Some(expected) {
                let found = found.map_or("nothing".into(), |found| found.to_string());
                return Err(ModelError::corrupt(&path, key, expected.to_string(), found));
            }
        }
        Ok((header, part))
    }
}

/// Refuses parts that do not have as many tensors together as the first says.
fn check_count(header: &Header, path: &Path) -> Result<(), ModelError> {
    let key = "split.tensors.count";
    let expected = number(header, key, path)?;
    let found = header.tensors.len() as u64;
    match expected.filter(|expected| *expected != found) {
        Some(expected) => Err(ModelError::corrupt(path, key, expected.to_string(), found)),
        None => Ok(()),
    }
}
