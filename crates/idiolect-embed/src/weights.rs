//! Tensors of a safetensors file, by name and with the shape that the caller expects.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};

use crate::EmbedError;

/// An open weight file, and the device of its tensors.
pub(crate) struct Weights<'a> {
    path: PathBuf,
    tensors: SafeTensors<'a>,
    device: &'a Device,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(
        path: &Path,
        bytes: &'a [u8],
        device: &'a Device,
    ) -> Result<Self, EmbedError> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|source| EmbedError::Weights {
            path: path.into(),
            source,
        })?;
        Ok(Self {
            path: path.into(),
            tensors,
            device,
        })
    }

    /// The tensor called `name`, of `shape`.
    pub(crate) fn get<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
    ) -> Result<Tensor<D>, EmbedError> {
        let found = self
            .tensors
            .tensor(name)
            .map_err(|source| EmbedError::Weights {
                path: self.path.clone(),
                source,
            })?;
        if (found.dtype(), found.shape()) != (Dtype::F32, shape.as_slice()) {
            return Err(EmbedError::Tensor {
                path: self.path.clone(),
                tensor: name.into(),
                expected: format!("F32 {shape:?}"),
                found: format!("{:?} {:?}", found.dtype(), found.shape()),
            });
        }
        let (values, _) = found.data().as_chunks();
        let values: Vec<f32> = values
            .iter()
            .map(|four| f32::from_le_bytes(*four))
            .collect();
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            return Err(EmbedError::Tensor {
                path: self.path.clone(),
                tensor: name.into(),
                expected: "finite values".into(),
                found: format!("{} at place {place}", values[place]),
            });
        }
        Ok(Tensor::from_data(
            TensorData::new(values, shape),
            self.device,
        ))
    }
}
