//! What the program says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

#[path = "../common/mod.rs"]
mod common;
mod flags;
mod logs;
mod machine;
mod names;
mod serve;
mod talk;
