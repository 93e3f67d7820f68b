//! Tensors of a checkpoint in safetensors files: written from where they are, read whole and checked.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::Path;

use idiolect_input::open_regular;
use idiolect_kernels::not_finite;
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, View};

use crate::TrainError;
use crate::optimizer::AdamWState;
use crate::params::HostTensor;
use crate::report::io;

pub(super) fn moment_name(parameter: &str, kind: &str) -> String {
    format!("{parameter}.{kind}")
}

/// An f32 tensor of someone else's; its bytes exist while it is written, and no other's do.
pub(super) struct Borrowed<'a> {
    shape: Vec<usize>,
    values: &'a [f32],
}

impl View for Borrowed<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let bytes = self.values.iter().flat_map(|value| value.to_le_bytes());
        Cow::Owned(bytes.collect())
    }

    fn data_len(&self) -> usize {
        size_of_val(self.values)
    }
}

pub(super) fn moments(state: &[AdamWState]) -> impl Iterator<Item = (String, Borrowed<'_>)> {
    let one = |name: &str, kind, values| {
        let shape = vec![<[f32]>::len(values)];
        (moment_name(name, kind), Borrowed { shape, values })
    };
    state.iter().flat_map(move |state| {
        let AdamWState {
            name, mean, square, ..
        } = state;
        [one(name, "mean", mean), one(name, "square", square)]
    })
}

pub(super) fn values(tensors: &[HostTensor]) -> impl Iterator<Item = (String, Borrowed<'_>)> {
    tensors.iter().map(|tensor| {
        let (shape, values) = (tensor.shape.clone(), tensor.values.as_slice());
        (tensor.name.clone(), Borrowed { shape, values })
    })
}

pub(super) fn write_tensors<'a>(
    path: &Path,
    tensors: impl Iterator<Item = (String, Borrowed<'a>)>,
) -> Result<(), TrainError> {
    let io = |source| io(path, source);
    // The library makes a file that nobody else may read; this one is like any other.
    let plain = File::create(path).and_then(|file| file.metadata());
    let plain = plain.map_err(io)?.permissions();
    safetensors::serialize_to_file(tensors, None, path).map_err(|source| match source {
        SafeTensorError::IoError(source) => io(source),
        source => unreadable(path, "f32 tensors", &source),
    })?;
    fs::set_permissions(path, plain).map_err(io)?;
    let file = OpenOptions::new().write(true).open(path);
    file.and_then(|file| file.sync_all()).map_err(io)
}

pub(super) fn read_tensors(path: &Path) -> Result<Vec<HostTensor>, TrainError> {
    let mut file = Vec::new();
    let read = open_regular(path).and_then(|mut open| open.read_to_end(&mut file));
    read.map_err(|source| io(path, source))?;
    let tensors = SafeTensors::deserialize(&file)
        .map_err(|source| unreadable(path, "a safetensors file", &source))?;
    let mut found = Vec::new();
    for (name, view) in tensors.tensors() {
        if view.dtype() != Dtype::F32 {
            let dtype = format!("{name} in {}", view.dtype());
            return Err(unreadable(path, "tensors in F32", &dtype));
        }
        let values = view
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes));
        let values: Vec<f32> = values.collect();
        if let Some(problem) = not_finite(&values) {
            let expected = format!("finite values in {name}");
            return Err(unreadable(path, &expected, &problem));
        }
        found.push(HostTensor {
            shape: view.shape().to_vec(),
            values,
            name,
        });
    }
    Ok(found)
}

pub(super) fn unreadable(path: &Path, expected: &str, found: &dyn std::fmt::Display) -> TrainError {
    TrainError::Checkpoint {
        path: path.to_owned(),
        expected: expected.to_owned(),
        found: found.to_string(),
    }
}
