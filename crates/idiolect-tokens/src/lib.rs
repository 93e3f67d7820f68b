#![doc = include_str!("../README.md")]

mod batch;
mod config;
mod encode;
mod error;
mod export;
mod fit;
mod gguf;
mod preview;
mod row;
mod stream;
mod text;
mod tokenizer;

pub use batch::{TokenBatch, pack};
pub use config::{SpecialTokens, TokenizerConfig};
pub use encode::Encoded;
pub use error::{BoxError, RowProblem, TokensError};
pub use fit::{Fitted, Overlong, UnknownOverlong, fit};
pub use gguf::GgufVocabulary;
pub use preview::preview;
pub use row::{IGNORE, TokenRow};
pub use stream::TextStream;
pub use tokenizer::Tokenizer;
