//! A file of PEFT's tensors: what is read from it and what is written to it, by name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use idiolect_input::shown;
use idiolect_model::{Decoder, ModelConfig, Site, Wrapper, finite_floats, transposed};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::files::CONFIG;
use crate::{LoraConfig, LoraError};

/// What every name in PEFT's file begins with.
pub(super) const PREFIX: &str = "base_model.model.";
/// What the factors of a linear map are called below its path.
pub(super) const FACTORS: [&str; 2] = ["lora_A.weight", "lora_B.weight"];
/// What the factors of an embedding are called there.
pub(super) const EMBEDDING_FACTORS: [&str; 2] = ["lora_embedding_A", "lora_embedding_B"];
/// What the lengths of `DoRA` are called there.
pub(super) const MAGNITUDE: &str = "lora_magnitude_vector";
/// What the bias of the second factor is called there.
pub(super) const BIAS: &str = "lora_B.bias";

/// What a site can have there.
pub(super) const PARTS: [&str; 4] = [FACTORS[0], FACTORS[1], MAGNITUDE, BIAS];

/// Characters of a model's name in an error.
const LONGEST: usize = 80;

/// Shape and bytes of a stored tensor.
pub(super) type Stored = (Vec<usize>, Vec<u8>);

pub(super) fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// An adapter's file with the model and the configuration that say what must be in it.
pub(super) struct Reader<'a> {
    pub(super) path: PathBuf,
    pub(super) file: SafeTensors<'a>,
    /// Names in the file, by the plain name of each.
    pub(super) names: BTreeMap<String, String>,
    pub(super) model: &'a ModelConfig,
    /// The model itself, where it is there.
    pub(super) decoder: Option<&'a Decoder>,
    pub(super) config: &'a LoraConfig,
    /// Name of the model that the adapter was trained on, where its folder tells.
    pub(super) base: Option<String>,
}

/// The name of a tensor in the file: modules of a model in a wrapper are named as the wrapper has them in memory.
pub(super) fn in_file(name: &str, wrapper: Wrapper) -> String {
    match name.strip_prefix(PREFIX) {
        Some(path) => format!("{PREFIX}{}", wrapper.module_path(path)),
        None => name.into(),
    }
}

/// The name of a part of a site.
pub(super) fn site_name(site: Site, part: &str) -> String {
    Reader::name(&site.to_string(), part)
}

/// A name as PEFT saves it: a file of a plain `state_dict` has the adapter's own name, `default`, in it.
fn plain(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    let parts = match parts.as_slice() {
        [path @ .., part, "default"] => [path, &[*part]].concat(),
        [path @ .., part, "default", "weight"] if *part == MAGNITUDE => [path, &[*part]].concat(),
        [path @ .., part, "default", end] => [path, &[*part, *end]].concat(),
        [path @ .., part, "weight"] if *part == MAGNITUDE => [path, &[*part]].concat(),
        whole => whole.to_vec(),
    };
    parts.join(".")
}

/// The names of a file's tensors by the plain name of each.
///
/// # Errors
///
/// A name that has the same plain name as another, with that.
pub(super) fn plain_names(file: &SafeTensors<'_>) -> Result<BTreeMap<String, String>, [String; 2]> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for name in file.names() {
        if let Some(other) = names.insert(plain(name), name.into()) {
            return Err([name.into(), other]);
        }
    }
    Ok(names)
}

impl Reader<'_> {
    /// The name of a part of a module.
    pub(super) fn name(path: &str, part: &str) -> String {
        format!("{PREFIX}{path}.{part}")
    }

    /// What is wrong with an option of the configuration.
    pub(super) fn setting(&self, field: &str, expected: &str, found: &str) -> LoraError {
        LoraError::Setting {
            place: Some(self.path.with_file_name(CONFIG).display().to_string()),
            field: field.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// The factors of a linear map, `[in, rank]` and `[rank, out]`.
    pub(super) fn pair(
        &self,
        path: &str,
        rank: usize,
        [input, output]: [usize; 2],
    ) -> Result<[Vec<f32>; 2], LoraError> {
        let [a, b] = FACTORS.map(|part| Self::name(path, part));
        Ok([
            transposed(&self.values(&a, &[rank, input])?, input),
            transposed(&self.values(&b, &[output, rank])?, rank),
        ])
    }

    pub(super) fn in_file(&self, name: &str) -> String {
        in_file(name, self.model.wrapper)
    }

    /// The tensor of this name, which is that of a model that stands alone.
    pub(super) fn view(&self, name: &str) -> Option<TensorView<'_>> {
        self.file.tensor(self.names.get(&self.in_file(name))?).ok()
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

    /// That another model may be the right one, in words.
    fn trained_on(&self) -> String {
        let base = self.base.as_deref().map(|name| shown(name, LONGEST));
        base.map_or_else(String::new, |name| {
            format!(" (the adapter was trained on {name})")
        })
    }

    pub(super) fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoraError> {
        let expected = || format!("shape {shape:?}");
        let Some(view) = self.view(name) else {
            return Err(self.wrong(name, expected(), "nothing"));
        };
        if view.shape() != shape {
            let found = format!("shape {:?}{}", view.shape(), self.trained_on());
            return Err(self.wrong(name, expected(), found));
        }
        finite_floats(view.data(), view.dtype())
            .map_err(|problem| self.wrong(name, problem.expected(), problem.found()))
    }
}
