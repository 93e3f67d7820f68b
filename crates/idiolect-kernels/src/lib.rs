#![doc = include_str!("../README.md")]

pub mod plain;

mod block_type;
mod blocks;
mod cache;
mod cached_attention;
mod chunks;
#[cfg(feature = "cube")]
mod cube;
mod device_kind;
mod dropout;
#[cfg(any(feature = "flex", feature = "cube", feature = "remote"))]
mod extension;
mod finite;
#[cfg(feature = "flex")]
mod flex;
mod loss;
mod quantized_copy;
#[cfg(feature = "remote")]
pub mod remote;
mod row_losses;
mod steps;
mod visible;
mod weights;

pub use block_type::BlockType;
pub use blocks::{block_type, from_blocks, keeps_blocks};
pub use cache::{CachePlaces, CacheWrite, CachedPass, write_cache};
pub use cached_attention::attend_cached;
pub use chunks::{CHUNK_ROWS, chunk_rows, chunk_rows_for, chunk_values, row_chunks};
pub use device_kind::{is_elsewhere, is_gpu};
pub use dropout::Dropout;
pub use finite::{Half, NotFinite, not_finite, not_finite_halves};
pub use loss::RowLoss;
pub use quantized_copy::QuantizedCopy;
pub use row_losses::{row_loss, row_nll};
pub use steps::{
    attention, cast, dropped, is_fused, linear, linear_few_tokens, linear_gradient, linear_of_rows,
    low_rank, product, rms_norm, rotate, swiglu,
};
pub use visible::Visible;
pub use weights::{dequantize, embedding, quantize, transpose};
