#![doc = include_str!("../README.md")]

mod batch;
mod bytes;
mod config;
mod encode;
mod error;
mod folder;
mod gguf;
mod mistral_regex;
mod native;
mod offsets;
mod preview;
mod row;
mod stream;
mod tokenizer;
mod truncation;

pub use batch::{TokenBatch, pack};
pub use config::{MORE_TEMPLATES, SpecialTokens, TokenizerConfig};
pub use encode::Encoded;
pub use error::{RowProblem, TokensError};
pub use gguf::GgufVocabulary;
pub use preview::preview;
pub use row::{IGNORE, TokenRow};
pub use stream::TextStream;
pub use tokenizer::Tokenizer;
pub use truncation::{TruncatedRows, Truncation, UnknownTruncation, truncate_rows};
