//! The programs that were built for a GPU: which, where, and how large.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell;

/// The oldest driver that the programs bind: CUDA 12.0. Without nvcc cudarc binds the newest it knows, and
/// panics where the driver is older.
pub(super) const CUDA_VERSION: &str = "12000";

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
