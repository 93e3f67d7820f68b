#![doc = include_str!("../README.md")]

mod config;
mod embedder;
mod encoder;
mod error;
mod weights;

pub use embedder::{Embedder, cosine};
pub use error::EmbedError;
