//! The whole job over a scripted model: the files of its results, word for word, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

#[path = "../common/mod.rs"]
mod common;
mod judged;
mod model;
mod scored;
mod suites;
