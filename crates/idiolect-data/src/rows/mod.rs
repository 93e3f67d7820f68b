//! Rows as they lie in files, before anything is known of what they say.

mod array;
mod bounded;
mod csv;
mod folder;
mod json;
mod listed;
#[cfg_attr(not(feature = "parquet"), path = "no_parquet.rs")]
mod parquet;
mod raw;
mod read;
mod text;
mod value;

pub(crate) use bounded::{bounded_value, prepare as prepare_limits};
pub(crate) use csv::list;
pub(crate) use folder::require_rows;
pub use listed::{listed, table};
pub use parquet::ParquetRows;
pub use raw::{Layout, RawRow, RawRows};
pub(crate) use read::first_rows;
pub use read::read_rows;
pub(crate) use text::{RowLines, json_error, line_error, text};
pub(crate) use value::{absent, describe, describe_in, names};
