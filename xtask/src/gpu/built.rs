//! The programs that were built for a GPU: which, where, and how large.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell;

/// The two programs.
pub(super) struct Programs {
    pub(super) idiolect: PathBuf,
    pub(super) parity: PathBuf,
}

pub(super) fn home() -> PathBuf {
    shell::root().join("target/cuda")
}

pub(super) fn size(path: &Path) -> shell::Outcome<u64> {
    let file = fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(file.len())
}
