//! What can go wrong between a checkpoint on disk and a decoder in memory.

use std::path::{Path, PathBuf};

use idiolect_input::counted;

/// Failure to read, check or write a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file could not be opened, read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A place that holds no model.
    #[error(
        "{}: expected a Hugging Face folder, with config.json, or a .gguf file, found {found}",
        path.display()
    )]
    NoModel {
        /// The file or folder.
        path: PathBuf,
        /// What it is, and what could be meant.
        found: String,
    },
    /// A JSON file does not parse, or a value in it has the wrong type.
    #[error("{}: not valid: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why parsing stopped.
        #[source]
        source: serde_json::Error,
    },
    /// A setting of the checkpoint's configuration is missing, out of range or not supported.
    #[error("{}: {field}: expected {expected}, found {found}", path.display())]
    Config {
        /// The configuration file, or the GGUF file.
        path: PathBuf,
        /// Name of the setting.
        field: String,
        /// What is supported.
        expected: String,
        /// The value in the file.
        found: String,
    },
    /// A weight file is cut off or contradicts itself.
    #[error("{}: {what}: expected {expected}, found {found}", path.display())]
    Corrupt {
        /// The weight file or index.
        path: PathBuf,
        /// The part of the file that is wrong, with the tensor's name where there is one.
        what: String,
        /// What the rest of the file promises.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A tensor has another shape than the configuration asks for.
    #[error("{}: tensor {tensor}: expected shape {expected:?}, found {found:?}", path.display())]
    Shape {
        /// The weight file.
        path: PathBuf,
        /// Hugging Face name of the tensor.
        tensor: String,
        /// Shape by the configuration, as stored on disk.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// Tensors that the architecture needs are not in the checkpoint.
    #[error("{}: {} missing, the first is {}", path.display(), counted(tensors.len(), "tensor is", "tensors are"), tensors.first().map_or("", String::as_str))]
    Missing {
        /// The checkpoint.
        path: PathBuf,
        /// Hugging Face names of all missing tensors.
        tensors: Vec<String>,
    },
    /// Weights in `PyTorch`'s own form, which is a program that reading would run.
    #[error(
        "{}: expected safetensors; a machine with transformers writes them: python -c \
         \"from transformers import AutoModelForCausalLM as A; A.from_pretrained('IN').save_pretrained('OUT')\"",
        path.display()
    )]
    Pickled {
        /// The file of weights or its index.
        path: PathBuf,
    },
    /// A tensor is stored in a type that cannot be read.
    #[error("{}: tensor {tensor}: cannot read type {found}; readable: {readable}", path.display())]
    Stored {
        /// The weight file.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// The type in the file.
        found: String,
        /// The types that can be read.
        readable: &'static str,
    },
    /// The checkpoint needs a part of this crate that was left out when the program was built.
    #[error(
        "{}: {what} needs feature {feature} of idiolect-model, which this program was built without",
        path.display()
    )]
    Feature {
        /// The weight file.
        path: PathBuf,
        /// What is there, with the tensor's name.
        what: String,
        /// The Cargo feature.
        feature: &'static str,
    },
    /// The caller's input does not fit the model.
    #[error("{what}: expected {expected}, found {found}")]
    Input {
        /// Which input.
        what: String,
        /// What fits.
        expected: String,
        /// What was given.
        found: String,
    },
}

impl ModelError {
    /// An [`ModelError::Io`] for `path`.
    pub(crate) fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io {
            path: path.into(),
            source,
        }
    }

    /// A [`ModelError::Corrupt`] for a part of the file `path`.
    pub(crate) fn corrupt(
        path: &Path,
        what: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Corrupt {
            path: path.into(),
            what: what.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }

    /// A [`ModelError::Config`] for a setting of the file `path`.
    pub(crate) fn config(
        path: &Path,
        field: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Config {
            path: path.into(),
            field: field.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}
