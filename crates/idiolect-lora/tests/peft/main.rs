//! Adapters of PEFT on the tiny checkpoints.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod files;
mod gradients;
mod logits;
mod mixed;
#[path = "../oracles/mod.rs"]
mod oracles;
mod shift;
