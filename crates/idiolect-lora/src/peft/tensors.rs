//! A file of PEFT's tensors: what is read from it and what is written to it, by name.

use std::path::PathBuf;

use idiolect_model::{Decoder, finite_floats};
use safetensors::SafeTensors;

use crate::{LoraConfig, LoraError};

/// What every name in PEFT's file begins with.
pub(super) const PREFIX: &str = "base_model.model.";

/// Shape and bytes of a stored tensor.
pub(super) type Stored = (Vec<usize>, Vec<u8>);

pub(super) fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// An adapter's file with the model and the configuration that say what must be in it.
pub(super) struct Reader<'a> {
    pub(super) path: PathBuf,
    pub(super) file: SafeTensors<'a>,
    pub(super) decoder: &'a Decoder,
    pub(super) config: &'a LoraConfig,
}

impl Reader<'_> {
    pub(super) fn wrong(
        &self,
        tensor: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> LoraError {
        let (expected, found) = (expected.into(), found.into());
        LoraError::Tensor {
            path: self.path.clone(),
            tensor: tensor.into(),
            expected,
            found,
        }
    }

    pub(super) fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoraError> {
        let expected = || format!("shape {shape:?}");
        let Ok(view) = self.file.tensor(name) else {
            return Err(self.wrong(name, expected(), "nothing"));
        };
        if view.shape() != shape {
            return Err(self.wrong(name, expected(), format!("shape {:?}", view.shape())));
        }
        finite_floats(view.data(), view.dtype())
            .map_err(|problem| self.wrong(name, problem.expected(), problem.found()))
    }
}
