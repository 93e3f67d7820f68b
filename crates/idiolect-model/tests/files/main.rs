//! Checkpoints on disk: there and back, and every way a folder can be wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod configurations;
mod folder;
mod numbers;
mod refusals;
mod saved;
