//! What a checkpoint's files say beside what the decoder computes with: it is carried over to what is written.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// Settings of a checkpoint that mean nothing to the decoder, with the place that they come from.
///
/// All are equal: two configurations that differ in nothing else compute the same.
#[derive(Debug, Clone, Default)]
pub struct Carried(Option<Arc<Files>>);

/// The files of a checkpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    /// The decoder's part of `config.json`.
    pub(super) config: Map<String, Value>,
    /// All of it, where the decoder stands in a wrapper.
    pub(super) outer: Map<String, Value>,
    /// `generation_config.json`.
    pub(super) generation: Map<String, Value>,
    /// The map that says how rotary frequencies are made.
    pub(super) rope: Map<String, Value>,
    /// The checkpoint.
    pub(super) folder: PathBuf,
}

impl Carried {
    pub(super) fn new(files: Files) -> Self {
        Self(Some(Arc::new(files)))
    }

    /// The same with another `generation_config.json`.
    pub(super) fn with_generation(self, generation: Map<String, Value>) -> Self {
        let files = self.0.map(Arc::unwrap_or_clone).unwrap_or_default();
        Self::new(Files {
            generation,
            ..files
        })
    }

    /// The decoder's part of `config.json`, known settings included.
    #[must_use]
    pub fn config(&self) -> &Map<String, Value> {
        self.0.as_ref().map_or(&NOTHING, |files| &files.config)
    }

    pub(crate) fn outer(&self) -> &Map<String, Value> {
        self.0.as_ref().map_or(&NOTHING, |files| &files.outer)
    }

    /// `generation_config.json`: sampling defaults and ids, empty where there was none.
    #[must_use]
    pub fn generation(&self) -> &Map<String, Value> {
        self.0.as_ref().map_or(&NOTHING, |files| &files.generation)
    }

    pub(crate) fn rope(&self) -> &Map<String, Value> {
        self.0.as_ref().map_or(&NOTHING, |files| &files.rope)
    }

    /// The folder that holds what a wrapper has beside the decoder.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.0.as_ref().map(|files| files.folder.as_path())
    }
}

impl PartialEq for Carried {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
