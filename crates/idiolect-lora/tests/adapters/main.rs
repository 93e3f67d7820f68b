//! Adapters on a tiny checkpoint: where they sit, how they start, several at once, and modules that train
//! whole.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod carried;
mod combined;
mod folder_refusals;
mod folders;
mod modules;
mod places;
mod recomputed;
mod stack;
mod start;
mod tiny;
