//! `train` on a tiny checkpoint.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod bases;
mod begun;
mod combined;
#[path = "../common/mod.rs"]
mod common;
mod killed;
mod lazy;
mod options;

use common::{Place, training};
use serde_json::Value;

/// Flags of a short run on the alpaca rows, without `--out`.
fn flags(place: &Place) -> Vec<String> {
    let more = [
        "--epochs",
        "4",
        "--batch-size",
        "2",
        "--accumulation",
        "1",
        "--learning-rate",
        "2e-3",
        "--threads",
        "1",
    ];
    training(place, &more)
}

/// The numbers of a metrics file under one name.
fn losses(rows: &[Value], key: &str) -> Vec<f64> {
    rows.iter().filter_map(|row| row[key].as_f64()).collect()
}
