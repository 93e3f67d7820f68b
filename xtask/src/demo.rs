//! `cargo xtask demo`: the main job on a small real model, from nothing.

use crate::{fetch, shell};

/// Fetches the model and runs `idiolect sdft --demo`, with `more` arguments behind it.
pub(crate) fn run(more: &[&str]) -> shell::Outcome {
    fetch::smollm2()?;
    let demo = [
        "run",
        "--release",
        "--package",
        "idiolect-cli",
        "--",
        "sdft",
        "--demo",
    ];
    shell::run(shell::cargo(&demo).args(more))
}
