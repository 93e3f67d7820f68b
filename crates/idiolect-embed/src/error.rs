//! What can go wrong between a folder and a vector.

use std::path::PathBuf;

/// Failure to read an encoder or to encode a text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A JSON file does not parse, or a value in it is missing or of the wrong type.
    #[error("{}: not valid: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why parsing stopped.
        #[source]
        source: serde_json::Error,
    },
    /// A setting of the encoder is not supported.
    #[error("{}: {field}: expected {expected}, found {found}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Name of the setting.
        field: &'static str,
        /// What is supported.
        expected: String,
        /// The value in the file.
        found: String,
    },
    /// The weight file is no safetensors file, or a tensor is missing.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A tensor has another shape or type than the configuration asks for.
    #[error("{}: tensor {tensor}: expected {expected}, found {found}", path.display())]
    Tensor {
        /// The weight file.
        path: PathBuf,
        /// Its name.
        tensor: String,
        /// Shape and type by the configuration.
        expected: String,
        /// Those in the file.
        found: String,
    },
    /// The tokenizer's file is not one, or a text could not be encoded.
    #[error("{}: {source}", path.display())]
    Tokenizer {
        /// The tokenizer's file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: tokenizers::Error,
    },
}

impl EmbedError {
    /// An [`EmbedError::Io`] for `path`.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
