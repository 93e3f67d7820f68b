//! A file of PEFT's tensors: what is read from it and what is written to it, by name.

use std::path::PathBuf;

use idiolect_model::{Decoder, ModelConfig, Wrapper, finite_floats};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

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
    pub(super) model: &'a ModelConfig,
    /// The model itself, where it is there.
    pub(super) decoder: Option<&'a Decoder>,
    pub(super) config: &'a LoraConfig,
}

/// The name of a tensor in the file: modules of a model in a wrapper are named as the wrapper has them in memory.
pub(super) fn in_file(name: &str, wrapper: Wrapper) -> String {
    match name.strip_prefix(PREFIX) {
        Some(path) => format!("{PREFIX}{}", wrapper.module_path(path)),
        None => name.into(),
    }
}

impl Reader<'_> {
    pub(super) fn in_file(&self, name: &str) -> String {
        in_file(name, self.model.wrapper)
    }

    /// The tensor of this name, which is that of a model that stands alone.
    pub(super) fn view(&self, name: &str) -> Option<TensorView<'_>> {
        self.file.tensor(&self.in_file(name)).ok()
    }

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
        let Some(view) = self.view(name) else {
            return Err(self.wrong(name, expected(), "nothing"));
        };
        if view.shape() != shape {
            return Err(self.wrong(name, expected(), format!("shape {:?}", view.shape())));
        }
        finite_floats(view.data(), view.dtype())
            .map_err(|problem| self.wrong(name, problem.expected(), problem.found()))
    }
}
