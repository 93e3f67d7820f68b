//! The command line on the tiny checkpoints: what goes in, what comes out, and that the numbers are those of
//! the reference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

#[path = "../common/mod.rs"]
mod common;
mod exporting;
mod jobs;
mod killed;
mod models;
mod reading;
mod rows;
mod train;
mod two_at_once;

use idiolect_testkit::Tensors;

/// Rows of a padded `[rows, width]` part of a tensor file.
fn rows(
    tensors: &Tensors,
    prefix: &str,
    part: std::ops::Range<usize>,
) -> Vec<(Vec<i64>, Vec<i64>)> {
    let (shape, ids) = tensors.i64(&format!("{prefix}input_ids")).unwrap();
    let (_, mask) = tensors.i64(&format!("{prefix}attention_mask")).unwrap();
    let labels = if tensors
        .names()
        .unwrap()
        .contains(&format!("{prefix}labels"))
    {
        tensors.i64(&format!("{prefix}labels")).unwrap().1
    } else {
        ids.clone()
    };
    let width = *shape.last().expect("a width");
    let real = |row: usize, values: &[i64]| -> Vec<i64> {
        let span = row * width..(row + 1) * width;
        let pairs = values[span.clone()].iter().zip(&mask[span]);
        pairs
            .filter(|(_, real)| **real == 1)
            .map(|(value, _)| *value)
            .collect()
    };
    part.map(|row| (real(row, &ids), real(row, &labels)))
        .collect()
}
