//! What stands at a path that somebody names, or why nothing does, in words for a message.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use idiolect_input::entries;

use super::run_dir::RunDir;
use crate::DataError;

/// What a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FolderKind {
    /// An adapter in PEFT's form.
    Adapter,
    /// A run that left an adapter.
    AdapterRun,
    /// A run that left a model.
    ModelRun,
    /// A run that left neither, or not yet.
    Run,
    /// A model.
    Model,
}

impl FolderKind {
    /// What a folder is; nothing for one that is none of these, and for a path without a folder.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let run = RunDir::new(path);
        let has = |name: &str| path.join(name).exists();
        Some(if has("adapter_config.json") {
            Self::Adapter
        } else if has("config.json") || has("params.json") {
            Self::Model
        } else if run.adapter().is_dir() {
            Self::AdapterRun
        } else if !run.is_begun() {
            return None;
        } else if run.model().is_dir() {
            Self::ModelRun
        } else {
            Self::Run
        })
    }
}

/// Refuses a path at which no folder can be, since it is a file or below one.
///
/// # Errors
///
/// [`DataError::NoFile`] names the file.
pub fn require_folder(path: &Path) -> Result<(), DataError> {
    match path.ancestors().find(|above| above.exists()) {
        Some(file) if !file.is_dir() => Err(DataError::NoFile {
            path: file.to_owned(),
            expected: "a folder, or a new one",
            found: "a file".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Refuses a path at which no file can be written: a folder, or one in a folder that is not there.
///
/// # Errors
///
/// [`DataError::NoFile`].
pub fn require_place(path: &Path) -> Result<(), DataError> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    let found = match above {
        _ if path.is_dir() => "a folder".to_owned(),
        Some(above) if !above.is_dir() => format!("no folder {}", above.display()),
        _ => return Ok(()),
    };
    Err(DataError::NoFile {
        path: path.to_owned(),
        expected: "a file to write, in a folder that is there",
        found,
    })
}

/// What the system says of a file that cannot be read; of one that is not there, the nearest that is.
#[must_use]
pub fn unread(path: &Path, source: io::Error) -> DataError {
    let path = path.to_owned();
    if source.kind() == ErrorKind::NotFound {
        let found = nothing_at(&path);
        let expected = "a file";
        return DataError::NoFile {
            path,
            expected,
            found,
        };
    }
    DataError::Io {
        path,
        action: "read",
        source,
    }
}

/// Says why there is no file at a path, with the nearest name that there is.
pub(crate) fn nothing_at(path: &Path) -> String {
    if path.to_string_lossy().contains("://") {
        return "an address: name a file of this machine".to_owned();
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return format!("no such file, nor a folder {}", folder.display());
    }
    let near = nearest(path, &entries(folder));
    let near = near.map(|near| format!("; the nearest is {}", path.with_file_name(near).display()));
    format!("no such file{}", near.unwrap_or_default())
}

/// The name of the file whose name differs least; none where more than a third of its letters differ.
fn nearest(path: &Path, files: &[PathBuf]) -> Option<String> {
    let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
    let typed = name(path)?;
    let names = files.iter().filter(|file| file.is_file());
    let names = names.filter_map(|file| name(file));
    let off = names.map(|name| (strsim::damerau_levenshtein(&typed, &name), name));
    let (off, name) = off.min()?;
    (off <= name.len() / 3).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_answered_with_what_is() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("train.jsonl"), "").unwrap();
        let said = |name: &str| nothing_at(&place.path().join(name));
        let near = place.path().join("train.jsonl");
        let near = format!("no such file; the nearest is {}", near.display());
        assert_eq!(said("trian.jsonl"), near);
        assert_eq!(said("questions.csv"), "no such file");
        assert!(said("no/train.jsonl").starts_with("no such file, nor a folder "));
        assert!(nothing_at(Path::new("https://a.b/c.jsonl")).starts_with("an address"));
    }

    #[test]
    fn a_file_is_no_folder_and_has_none_below_it() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        std::fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("run")] {
            let error = require_folder(&path).unwrap_err().to_string();
            let expected = format!(
                "{}: expected a folder, or a new one, found a file",
                file.display()
            );
            assert_eq!(error, expected);
        }
        assert!(require_folder(&place.path().join("new/run")).is_ok());
        for (path, expected) in [
            (place.path().to_owned(), "found a folder"),
            (place.path().join("new/a.jsonl"), "found no folder "),
        ] {
            let error = require_place(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(require_place(&file).is_ok() && require_place(Path::new("a.jsonl")).is_ok());
    }

    #[test]
    fn a_folder_is_known_by_what_is_in_it() {
        let place = tempfile::tempdir().unwrap();
        let kind = |file: &str| {
            let root = place.path().join(file.split('/').next().unwrap());
            let file = place.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
            FolderKind::of(&root)
        };
        assert_eq!(kind("a/adapter_config.json"), Some(FolderKind::Adapter));
        assert_eq!(kind("b/adapter/x"), Some(FolderKind::AdapterRun));
        assert_eq!(kind("c/model/x"), None);
        assert_eq!(kind("c/run.toml"), Some(FolderKind::ModelRun));
        assert_eq!(kind("d/run.toml"), Some(FolderKind::Run));
        assert_eq!(kind("e/config.json"), Some(FolderKind::Model));
        assert_eq!(kind("f/x"), None);
        assert_eq!(kind("g"), None);
        let runs = RunDir::new(place.path()).runs_below();
        let below = ["b", "c", "d"].map(|name| place.path().join(name));
        assert_eq!(runs, below);
    }
}
