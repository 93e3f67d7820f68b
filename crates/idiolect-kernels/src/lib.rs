#![doc = include_str!("../README.md")]

pub mod plain;

#[cfg(feature = "flex")]
mod flex;
mod loss;
mod steps;

pub use loss::RowLoss;
pub use steps::{
    attention, is_fused, linear, linear_few_tokens, product, rms_norm, rotate, row_loss, row_nll,
    swiglu,
};
