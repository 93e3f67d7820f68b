//! Whole runs from a corpus to training rows, over scripted teachers and judges.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test's own files and exact shares"
)]

mod asking;
#[path = "../common/mod.rs"]
mod common;
mod refusals;
mod rows;
