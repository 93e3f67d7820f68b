#![doc = include_str!("../README.md")]

mod array;
mod csv;
mod dataset;
mod error;
mod example;
mod format;
mod hash;
mod index;
mod journal;
mod pair;
mod parquet;
mod parse;
mod place;
mod rows;
mod run_dir;
mod select;
pub mod settings;
mod write;

pub use dataset::{DataSet, Row};
pub use error::DataError;
pub use example::{Example, Id, Message, Role};
pub use format::{Columns, Format};
pub use hash::{content_hash, text_hash};
pub use index::LineIndex;
pub use journal::Journal;
pub use pair::{PairReport, pair_by_id};
pub use rows::{Layout, RawRow, RawRows, read_rows};
pub use run_dir::RunDir;
pub use select::{mix, sample, split};
pub use write::{write_atomically, write_json};
