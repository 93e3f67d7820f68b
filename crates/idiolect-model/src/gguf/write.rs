//! GGUF files, written: metadata and tensors by candle, names and rows as `names.rs` and `architecture.rs` have them.
//!
//! Types of blocks and the layout of the file are candle's; what a decoder's settings are called is in
//! `destination.rs` and `scaling.rs`. Where a file comes to lie, and that it is there whole or not at all, is the
//! caller's.

mod contents;
mod destination;
mod scaling;
mod tensor;
mod value;
mod vocabulary;

pub use contents::GgufContents;
pub use destination::Destination;
pub use tensor::{GgufTensor, GgufType};
pub use value::GgufValue;
