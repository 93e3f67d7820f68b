//! What a wrapper has beside the decoder: tensors and settings of its vision part, copied from the checkpoint that was
//! read.

use std::path::Path;

use super::lazy::Lazy;
use crate::source::Folder;
use crate::{ModelConfig, ModelError, Wrapper};

/// Files that say how images become input.
const FILES: [&str; 2] = ["preprocessor_config.json", "processor_config.json"];

/// The rest of a checkpoint; nothing where there is no wrapper.
pub(super) struct Beside<'a>(Option<(&'a Path, Wrapper)>);

impl<'a> Beside<'a> {
    pub(super) fn open(config: &'a ModelConfig) -> Result<Self, ModelError> {
        if config.wrapper == Wrapper::None {
            return Ok(Self(None));
        }
        let Some(folder) = config.carried.folder() else {
            return Ok(Self(None));
        };
        // What is not there any more must be told before anything is written.
        Folder::open(folder, config.wrapper).map(drop)?;
        Ok(Self(Some((folder, config.wrapper))))
    }

    /// The tensors, as they are stored, with their names.
    pub(super) fn tensors(&self) -> Result<Vec<(String, Lazy)>, ModelError> {
        let Some((folder, wrapper)) = self.0 else {
            return Ok(Vec::new());
        };
        let mut folder = Folder::open(folder, wrapper)?;
        let names = folder.beside(wrapper).into_iter();
        let one = |name: String| {
            let raw = folder.raw(&name)?;
            Ok((wrapper.stored_rest(&name).to_owned(), Lazy::raw(raw)))
        };
        names.map(one).collect()
    }

    /// Copies the files and returns their names.
    pub(super) fn copy_files(&self, to: &Path) -> Result<Vec<String>, ModelError> {
        let Some((folder, _)) = self.0 else {
            return Ok(Vec::new());
        };
        let there = FILES.into_iter().filter(|name| folder.join(name).is_file());
        let copy = |name: &str| {
            let (from, to) = (folder.join(name), to.join(name));
            if from != to {
                std::fs::copy(&from, &to).map_err(|source| ModelError::io(&to, source))?;
            }
            Ok(name.to_owned())
        };
        there.map(copy).collect()
    }
}
