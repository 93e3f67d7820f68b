//! Rows as they stand in a file: named fields, and the place of each row.

use std::path::PathBuf;

use serde_json::{Map, Value};

/// How the rows lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One JSON array of objects.
    Array,
    /// JSON Lines: an object on each line, blank lines between allowed.
    Lines,
    /// A table, CSV or Parquet; it is written back as JSON Lines.
    Table,
}

/// One JSON object, or row of a table, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRow {
    /// The line on which it begins, from 1; in Parquet, which has no lines, its place from 1.
    pub line: usize,
    /// Its fields, in the file's order.
    pub fields: Map<String, Value>,
}

/// The rows of a file, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRows {
    /// Where they came from; stands in every error.
    pub path: PathBuf,
    /// How they lay there.
    pub layout: Layout,
    /// At least one row.
    pub rows: Vec<RawRow>,
}
