//! Copies of tiny checkpoints that a test may spoil.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, FloatDType};
use idiolect_model::{Decoder, ModelError, load};
use idiolect_testkit::shared;
use tempfile::TempDir;

pub(crate) fn read(folder: &Path) -> Result<Decoder, ModelError> {
    load(folder, &Device::flex(), FloatDType::F32).map(|(decoder, _)| decoder)
}

/// A copy of a tiny checkpoint that a test may spoil.
pub(crate) fn copy(name: &str) -> Option<(TempDir, PathBuf)> {
    let from = shared()?.join("oracles/tiny").join(name);
    let place = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(from).expect(name) {
        let entry = entry.expect("an entry");
        let to = place.path().join(entry.file_name());
        fs::write(to, fs::read(entry.path()).expect("a file")).expect("a copy");
    }
    let path = place.path().to_path_buf();
    Some((place, path))
}

pub(crate) fn edit(
    path: &Path,
    change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>),
) {
    let mut json = serde_json::from_slice(&fs::read(path).expect("a file")).expect("an object");
    change(&mut json);
    fs::write(path, serde_json::to_vec(&json).expect("JSON")).expect("written");
}
