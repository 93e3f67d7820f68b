//! The user's token: where it is looked for, and what errors say of it.
//!
//! Source: `huggingface_hub` 2.4, `utils/_auth.py`, without what only notebooks and CI have (Colab, OIDC).

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use idiolect_http::Secret;

use crate::HubError;

/// Variables that may hold it, the first that is not empty.
const VARIABLES: [&str; 2] = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];

/// A token, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token itself.
    pub secret: Secret,
    /// The variable or file that held it.
    pub source: String,
}

impl Token {
    /// The token of `HF_TOKEN` (or of its older name), else that of the file.
    pub(crate) fn of_user(
        variable: &dyn Fn(&str) -> Option<String>,
        file: Option<&Path>,
    ) -> Result<Option<Self>, HubError> {
        for name in VARIABLES {
            if let Some(value) = variable(name).filter(|value| !value.trim().is_empty()) {
                return Self::new(&value, name.to_owned()).map(Some);
            }
        }
        match file {
            Some(path) => Self::of_file(path),
            None => Ok(None),
        }
    }

    fn of_file(path: &Path) -> Result<Option<Self>, HubError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(HubError::Io {
                    path: PathBuf::from(path),
                    source,
                });
            }
        };
        if text.trim().is_empty() {
            return Ok(None);
        }
        Self::new(&text, path.display().to_string()).map(Some)
    }

    fn new(value: &str, source: String) -> Result<Self, HubError> {
        match Secret::new(value) {
            Ok(secret) => Ok(Self { secret, source }),
            Err(error) => Err(HubError::Setting {
                name: source,
                expected: "a token",
                found: error.found.to_owned(),
            }),
        }
    }
}
