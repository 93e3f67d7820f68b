//! What can go wrong with adapters.

use std::path::PathBuf;

/// Failure to read, check, write or apply an adapter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoraError {
    /// A file could not be opened, read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// `adapter_config.json` does not parse.
    #[error("{}: not valid: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why parsing stopped.
        #[source]
        source: serde_json::Error,
    },
    /// The weight file is no safetensors file.
    #[error("{}: not valid: {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// The weights are there as a pickle alone.
    #[error(
        "{} is a pickle, which is not read: load the adapter in PEFT and save it again with save_pretrained, \
         which writes adapter_model.safetensors",
        path.display()
    )]
    Pickle {
        /// The file.
        path: PathBuf,
    },
    /// A setting is out of range, or one that is not supported.
    #[error("{}{field}: expected {expected}, found {found}", before(place.as_deref()))]
    Setting {
        /// The file; none for an option of an adapter that is not read from one.
        place: Option<String>,
        /// Name of the setting.
        field: String,
        /// What is supported.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A tensor of the adapter is missing, of another type or shape, or meant for another model.
    #[error("{}: tensor {tensor}: expected {expected}, found {found}", path.display())]
    Tensor {
        /// The weight file.
        path: PathBuf,
        /// Name in the file.
        tensor: String,
        /// What the configuration and the model ask for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A tensor that cannot be written in the type that was asked for.
    #[error(transparent)]
    Model(idiolect_model::ModelError),
}

/// The file of a setting, as it stands before its name.
fn before(place: Option<&str>) -> String {
    place.map_or_else(String::new, |place| format!("{place}: "))
}

/// A [`LoraError::Setting`] about an option of an adapter.
pub(crate) fn wrong(field: &str, expected: impl Into<String>, found: impl ToString) -> LoraError {
    LoraError::Setting {
        place: None,
        field: field.into(),
        expected: expected.into(),
        found: found.to_string(),
    }
}
