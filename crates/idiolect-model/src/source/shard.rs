//! One safetensors file: its header, and the bytes of its tensors.
//!
//! The layout of a header is checked by the `safetensors` crate.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use idiolect_input::{limits, open_regular};
use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::tensor::StoredTensor;
use crate::ModelError;
use crate::floats::finite_floats;

/// A safetensors file whose header is read.
pub(super) struct Shard {
    pub(super) path: PathBuf,
    file: File,
    pub(super) metadata: Metadata,
    data_start: u64,
}

/// A tensor as it is stored.
pub(crate) struct RawTensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

/// What bytes of a tensor are.
pub(crate) struct RawLayout {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// How many bytes.
    pub(crate) size: usize,
}

impl Shard {
    pub(super) fn open(path: &Path) -> Result<Self, ModelError> {
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

    pub(super) fn raw(&mut self, name: &str) -> Result<RawTensor, ModelError> {
        let mut bytes = Vec::new();
        let RawLayout { dtype, shape, .. } = self.raw_to(name, &mut bytes)?;
        Ok(RawTensor {
            dtype,
            shape,
            bytes,
        })
    }

    /// Reads a tensor to the beginning of `memory`, which grows where it is shorter.
    pub(super) fn raw_to(
        &mut self,
        name: &str,
        memory: &mut Vec<u8>,
    ) -> Result<RawLayout, ModelError> {
        let Some(info) = self.metadata.info(name) else {
            return Err(ModelError::Missing {
                path: self.path.clone(),
                tensors: vec![name.into()],
            });
        };
        let (start, end) = info.data_offsets;
        let size = end - start;
        if memory.len() < size {
            *memory = vec![0; size];
        }
        let place = self.data_start + start as u64;
        let read = read_at(&mut self.file, place, &mut memory[..size]);
        read.map_err(|source| ModelError::io(&self.path, source))?;
        Ok(RawLayout {
            dtype: info.dtype,
            shape: info.shape.clone(),
            size,
        })
    }

    pub(super) fn read(&mut self, name: &str) -> Result<StoredTensor, ModelError> {
        let RawTensor {
            dtype,
            shape,
            bytes,
        } = self.raw(name)?;
        let values =
            finite_floats(&bytes, dtype).map_err(|problem| problem.in_tensor(&self.path, name))?;
        Ok(StoredTensor {
            shape,
            values,
            stored: format!("{dtype:?}"),
        })
    }
}

/// Fills `bytes` with those of a file from `place` on, on all threads.
#[cfg(unix)]
fn read_at(file: &mut File, place: u64, bytes: &mut [u8]) -> io::Result<()> {
    use std::os::unix::fs::FileExt;

    use rayon::prelude::*;

    const TASK: usize = 1 << 20;
    let tasks = bytes.par_chunks_mut(TASK).enumerate();
    tasks.try_for_each(|(task, bytes)| file.read_exact_at(bytes, place + (task * TASK) as u64))
}

/// Fills `bytes` with those of a file from `place` on.
#[cfg(not(unix))]
fn read_at(file: &mut File, place: u64, bytes: &mut [u8]) -> io::Result<()> {
    use std::io::{Seek, SeekFrom};

    file.seek(SeekFrom::Start(place))?;
    file.read_exact(bytes)
}
