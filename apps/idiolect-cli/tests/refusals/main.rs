//! Every wrong call and wrong input: one line that names what is wrong, and exit status 2.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod calls;
#[path = "../common/mod.rs"]
mod common;
mod data;
mod meant;
mod models;
mod typed;
