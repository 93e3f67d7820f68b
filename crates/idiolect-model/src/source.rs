//! A Hugging Face folder as a source of tensors, read one at a time.
//!
//! Files are read by position, not mapped: a cut-off file is an error here and not a fault later.
//! The layout of a safetensors header is checked by the `safetensors` crate.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use idiolect_input::{file_name, limits, open_regular};
use safetensors::tensor::Metadata;

use crate::floats::finite_floats;
use crate::{ModelError, config::read_json};

/// A tensor of a checkpoint, widened to f32.
#[derive(Debug, Clone)]
pub struct StoredTensor {
    /// Sizes, `[out, in]` for a projection.
    pub shape: Vec<usize>,
    /// Values in row-major order.
    pub values: Vec<f32>,
    /// Name of the type on disk, for example `BF16` or `Q4_1`.
    pub stored: String,
}

/// Anything that tensors can be read from by their Hugging Face name.
pub(crate) trait Source {
    /// Names of all tensors, sorted.
    fn names(&self) -> Vec<String>;
    /// The file that holds a tensor, or the whole checkpoint.
    fn file(&self, name: &str) -> PathBuf;
    /// Reads one tensor of [`Source::names`].
    fn read(&mut self, name: &str) -> Result<StoredTensor, ModelError>;
}

/// The shards of a folder and where each tensor is.
pub(crate) struct Folder {
    path: PathBuf,
    shards: Vec<Shard>,
    places: BTreeMap<String, usize>,
}

struct Shard {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    data_start: u64,
}

impl Folder {
    /// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names.
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let index = path.join("model.safetensors.index.json");
        let mut folder = Self {
            path: path.into(),
            shards: Vec::new(),
            places: BTreeMap::new(),
        };
        if index.is_file() {
            folder.open_indexed(&index)?;
        } else {
            folder.open_shard(&path.join("model.safetensors"))?;
        }
        Ok(folder)
    }

    fn open_shard(&mut self, path: &Path) -> Result<(), ModelError> {
        let shard = Shard::open(path)?;
        for name in shard.metadata.offset_keys() {
            let earlier = self.places.insert(name.clone(), self.shards.len());
            if let Some(earlier) = earlier.and_then(|place| self.shards.get(place)) {
                let (what, expected) = (format!("tensor {name}"), "in one file alone");
                let found = format!("in {} too", earlier.path.display());
                return Err(ModelError::corrupt(path, what, expected, found));
            }
        }
        self.shards.push(shard);
        Ok(())
    }

    fn open_indexed(&mut self, index: &Path) -> Result<(), ModelError> {
        let promised = shard_map(index)?;
        let files: std::collections::BTreeSet<&String> = promised.values().collect();
        for file in files {
            file_name(file).map_err(|error| {
                ModelError::corrupt(index, "weight_map", error.expected, error.found)
            })?;
            self.open_shard(&self.path.join(file))?;
        }
        match promised
            .iter()
            .find(|(name, _)| !self.places.contains_key(*name))
        {
            Some((name, file)) => {
                let what = format!("tensor {name}");
                Err(ModelError::corrupt(
                    &self.path.join(file),
                    what,
                    "present, by the index",
                    "absent",
                ))
            }
            None => Ok(()),
        }
    }
}

/// Tensor names and their files, from the index.
fn shard_map(index: &Path) -> Result<BTreeMap<String, String>, ModelError> {
    let json = read_json(index)?;
    let map = json.get("weight_map").cloned().unwrap_or_default();
    serde_json::from_value(map).map_err(|source| ModelError::Json {
        path: index.join("weight_map"),
        source,
    })
}

impl Source for Folder {
    fn names(&self) -> Vec<String> {
        self.places.keys().cloned().collect()
    }

    fn file(&self, name: &str) -> PathBuf {
        let shard = self
            .places
            .get(name)
            .and_then(|place| self.shards.get(*place));
        shard.map_or_else(|| self.path.clone(), |shard| shard.path.clone())
    }

    fn read(&mut self, name: &str) -> Result<StoredTensor, ModelError> {
        let shard = self
            .places
            .get(name)
            .and_then(|place| self.shards.get_mut(*place));
        match shard {
            Some(shard) => shard.read(name),
            None => Err(ModelError::Missing {
                path: self.path.clone(),
                tensors: vec![name.into()],
            }),
        }
    }
}

impl Shard {
    fn open(path: &Path) -> Result<Self, ModelError> {
        let io = |source| ModelError::io(path, source);
        let mut file = open_regular(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let mut length = [0; 8];
        file.read_exact(&mut length)
            .map_err(|_| ModelError::corrupt(path, "size", "at least 8 bytes", size))?;
        let header = u64::from_le_bytes(length);
        let data_start = header.saturating_add(8);
        if data_start > size {
            return Err(ModelError::corrupt(
                path,
                "header",
                format!("{header} bytes"),
                format!("{size}"),
            ));
        }
        let bounded = limits::HEADER_BYTES.check(header);
        bounded.map_err(|error| io(error.into()))?;
        let mut json = vec![0; usize::try_from(header).unwrap_or(usize::MAX)];
        file.read_exact(&mut json).map_err(io)?;
        let metadata: Metadata =
            serde_json::from_slice(&json).map_err(|source| ModelError::Json {
                path: path.into(),
                source,
            })?;
        let expected = data_start + metadata.data_len() as u64;
        if expected != size {
            return Err(ModelError::corrupt(
                path,
                "size",
                format!("{expected} bytes"),
                format!("{size}"),
            ));
        }
        Ok(Self {
            path: path.into(),
            file,
            metadata,
            data_start,
        })
    }

    fn read(&mut self, name: &str) -> Result<StoredTensor, ModelError> {
        let Some(info) = self.metadata.info(name) else {
            return Err(ModelError::Missing {
                path: self.path.clone(),
                tensors: vec![name.into()],
            });
        };
        let (start, end) = info.data_offsets;
        let mut bytes = vec![0; end - start];
        let io = |source| ModelError::io(&self.path, source);
        self.file
            .seek(SeekFrom::Start(self.data_start + start as u64))
            .map_err(io)?;
        self.file.read_exact(&mut bytes).map_err(io)?;
        let values = finite_floats(&bytes, info.dtype)
            .map_err(|problem| problem.in_tensor(&self.path, name))?;
        Ok(StoredTensor {
            shape: info.shape.clone(),
            values,
            stored: format!("{:?}", info.dtype),
        })
    }
}

/// The transpose of a row-major matrix of `columns` columns, in tiles that fit the cache.
#[must_use]
pub fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    const TILE: usize = 32;
    let rows = values.len() / columns.max(1);
    let mut transposed = vec![0.0; values.len()];
    for top in (0..rows).step_by(TILE) {
        for left in (0..columns).step_by(TILE) {
            for row in top..rows.min(top + TILE) {
                for column in left..columns.min(left + TILE) {
                    transposed[column * rows + row] = values[row * columns + column];
                }
            }
        }
    }
    transposed
}
