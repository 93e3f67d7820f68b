//! GGUF files against what the Python package `gguf` makes of them, whole and damaged.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod damaged;
#[cfg(feature = "gguf")]
mod kept;
mod parts;
mod quants;
mod whole;

use std::path::{Path, PathBuf};

use serde_json::Value;

pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

pub(crate) fn golden_json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(golden(name)).unwrap()).unwrap()
}

/// Whether this build reads quantised tensors.
pub(crate) const QUANTISED: bool = cfg!(feature = "gguf");
