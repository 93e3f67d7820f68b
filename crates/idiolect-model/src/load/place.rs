//! What a path is that holds no model, and what could be meant in its place.

use std::path::{Path, PathBuf};

use idiolect_input::{entries, few};

use crate::ModelError;
use crate::config::PARAMS;
use crate::gguf::GgufFile;

const CONFIG: &str = "config.json";
const ADAPTER: &str = "adapter_config.json";

/// Refuses a path that is no folder of a model.
///
/// # Errors
///
/// [`ModelError::NoModel`] says what it is; [`ModelError::Io`] for what cannot be read.
pub(super) fn require_model(path: &Path) -> Result<(), ModelError> {
    let found = if path.is_file() {
        of_file(path)
    } else if !path.is_dir() || has_model(path) {
        // What cannot be read says so itself.
        let read = std::fs::read_dir(path).map(drop);
        return read.map_err(|source| ModelError::io(path, source));
    } else {
        of_folder(path)
    };
    Err(no_model(path, found))
}

/// Whether a path is that of a GGUF file by its name.
pub(super) fn is_gguf(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gguf"))
}

/// Opens a GGUF file of a model.
///
/// # Errors
///
/// As for [`GgufFile::open`]; [`ModelError::NoModel`] for one that says of itself that it is an adapter.
pub(super) fn open_gguf(path: &Path) -> Result<GgufFile, ModelError> {
    let file = GgufFile::open(path)?;
    let kind = file.value("general.type").and_then(|kind| kind.as_str());
    if kind != Some("adapter") {
        return Ok(file);
    }
    let found = "an adapter for llama.cpp: here the PEFT folder that it was made of goes on a model (the option adapter)";
    Err(no_model(path, found.to_owned()))
}

fn no_model(path: &Path, found: String) -> ModelError {
    ModelError::NoModel {
        path: path.into(),
        found,
    }
}

fn has_model(folder: &Path) -> bool {
    [CONFIG, PARAMS]
        .iter()
        .any(|name| folder.join(name).exists())
}

/// What a file is: most often one of the folder that is meant.
fn of_file(path: &Path) -> String {
    let Some(folder) = path.parent() else {
        return "another file".to_owned();
    };
    let shown = folder.display();
    if has_model(folder) {
        format!("a file of a model: its folder is {shown}")
    } else if folder.join(ADAPTER).exists() {
        format!("a file of the adapter {shown}, which goes on its base model (the option adapter)")
    } else {
        "another file".to_owned()
    }
}

/// What a folder without a model is.
fn of_folder(path: &Path) -> String {
    let has = |name: &str| path.join(name).exists();
    let models: Vec<PathBuf> = entries(path)
        .into_iter()
        .filter(|one| is_model(one))
        .collect();
    if has(ADAPTER) {
        "the folder of an adapter, which goes on its base model (the option adapter)".to_owned()
    } else if has("adapter/adapter_config.json") {
        "a training run, whose adapter goes on its base model (the option adapter)".to_owned()
    } else if !models.is_empty() {
        let models = few(&models);
        format!("a folder without it, but with {models}: name the model itself")
    } else {
        "a folder without it".to_owned()
    }
}

/// Whether a path looks like a model, by names alone.
fn is_model(path: &Path) -> bool {
    has_model(path) || is_gguf(path) && path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_model_is_told_for_what_it_is() {
        let place = tempfile::tempdir().unwrap();
        let write = |file: &str| {
            let file = place.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
        };
        for file in [
            "models/a/config.json",
            "models/a/model.safetensors",
            "models/b.gguf",
            "models/notes.txt",
            "adapter/adapter_config.json",
            "adapter/adapter_model.safetensors",
            "run/adapter/adapter_config.json",
            "other/x",
        ] {
            write(file);
        }
        let said = |path: &str| {
            let error = require_model(&place.path().join(path)).unwrap_err();
            error.to_string()
        };
        let below = |name: &str| place.path().join(name).display().to_string();
        let list = format!("{}, {}: name", below("models/a"), below("models/b.gguf"));
        for (path, expected) in [
            ("models", list.as_str()),
            (
                "models/a/model.safetensors",
                &format!("its folder is {}", below("models/a")),
            ),
            ("models/notes.txt", "found another file"),
            ("adapter", "found the folder of an adapter"),
            (
                "adapter/adapter_model.safetensors",
                "found a file of the adapter",
            ),
            ("run", "found a training run"),
            ("other", "found a folder without it"),
        ] {
            assert!(said(path).contains(expected), "{}", said(path));
        }
        assert!(require_model(&place.path().join("models/a")).is_ok());
    }
}
