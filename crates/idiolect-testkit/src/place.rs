//! Places of files that tests need and the repository does not hold.
//!
//! A test that does not find them prints so and ends; where they are required, it fails.

use std::path::{Path, PathBuf};

use crate::skip::skipped;

/// The folder of the workspace's `Cargo.toml`; `IDIOLECT_ROOT` names another, for test programs that run on another
/// machine than they were built on.
#[must_use]
pub fn workspace_root() -> PathBuf {
    if let Some(root) = std::env::var_os("IDIOLECT_ROOT") {
        return root.into();
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// The shared data and oracles: `IDIOLECT_SHARED`, else `../shared` beside the workspace.
///
/// # Panics
///
/// When they are absent and `IDIOLECT_REQUIRE_SHARED` is set.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    let beside = || workspace_root().join("../shared");
    find("IDIOLECT_SHARED", beside, "IDIOLECT_REQUIRE_SHARED")
}

/// A file below [`shared`].
///
/// # Panics
///
/// When it is absent and `IDIOLECT_REQUIRE_SHARED` is set.
#[must_use]
pub fn shared_file(path: &str) -> Option<PathBuf> {
    let file = shared()?.join(path);
    present(file, "IDIOLECT_SHARED", "IDIOLECT_REQUIRE_SHARED")
}

/// SmolLM2-135M-Instruct as a Hugging Face folder in bf16: `IDIOLECT_SMOLLM2`, else `models/smollm2-bf16`.
///
/// # Panics
///
/// When it is absent and `IDIOLECT_REQUIRE_MODEL` is set.
#[must_use]
pub fn smollm2_folder() -> Option<PathBuf> {
    let ours = || workspace_root().join("models/smollm2-bf16");
    find("IDIOLECT_SMOLLM2", ours, "IDIOLECT_REQUIRE_MODEL")
}

/// SmolLM2-135M-Instruct as a GGUF file: `IDIOLECT_SMOLLM2_GGUF`, else the one that `cargo xtask fetch`
/// puts into `models`.
///
/// # Panics
///
/// When it is absent and `IDIOLECT_REQUIRE_MODEL` is set.
#[must_use]
pub fn smollm2_gguf() -> Option<PathBuf> {
    let ours = || workspace_root().join("models/SmolLM2-135M-Instruct.Q4_1.gguf");
    find("IDIOLECT_SMOLLM2_GGUF", ours, "IDIOLECT_REQUIRE_MODEL")
}

/// all-MiniLM-L6-v2 as a folder: `IDIOLECT_MINILM`, else the one that `cargo xtask fetch minilm` puts into
/// `models`.
///
/// # Panics
///
/// When it is absent and `IDIOLECT_REQUIRE_MODEL` is set.
#[must_use]
pub fn minilm() -> Option<PathBuf> {
    let ours = || workspace_root().join("models/minilm");
    find("IDIOLECT_MINILM", ours, "IDIOLECT_REQUIRE_MODEL")
}

fn find(variable: &str, default: impl Fn() -> PathBuf, required: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map_or_else(default, PathBuf::from);
    present(path, variable, required)
}

fn present(path: PathBuf, variable: &str, required: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    assert!(
        std::env::var_os(required).is_none(),
        "{} is absent and {required} is set",
        path.display()
    );
    skipped(&format!(
        "{} is absent ({variable} names another place)",
        path.display()
    ));
    None
}
