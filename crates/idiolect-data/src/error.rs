//! What reading and writing data may refuse, always with the place.

use std::path::PathBuf;

use crate::files::FileInUse;
use crate::formats::Id;
use crate::settings::Renamed;

/// Why data could not be read or written.
///
/// Lines count from 1, rows from 0 (a row's number is its id where it has none).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, as a verb ("read", "write").
        action: &'static str,
        /// The system's own reason.
        source: std::io::Error,
    },
    /// A journal that another process writes to.
    #[error(transparent)]
    InUse(#[from] FileInUse),
    /// Bytes that are no text.
    #[error("{}: line {line}: invalid UTF-8 at byte {column}", path.display())]
    Utf8 {
        /// The file.
        path: PathBuf,
        /// Line of the first bad byte.
        line: usize,
        /// Its place in the line, from 1, in bytes.
        column: usize,
    },
    /// Text that is not the JSON it should be.
    #[error("{}: line {line}, column {column}: {problem}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Line of the fault.
        line: usize,
        /// Column of the fault, from 1, in bytes.
        column: usize,
        /// What was expected or found there.
        problem: String,
    },
    /// A row of a journal that is not as it was written.
    #[error(
        "{}: line {line}: crc32c: expected {expected}, found {found} (the row was changed after it was written)",
        path.display()
    )]
    Checksum {
        /// The journal.
        path: PathBuf,
        /// The row's line.
        line: usize,
        /// The checksum of the row as it stands.
        expected: String,
        /// The checksum that stands in it.
        found: String,
    },
    /// A table as text whose lines do not fit its columns.
    #[error("{}: line {line}: expected {expected}, found {found}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Line on which the row begins; 0 where it is not known.
        line: usize,
        /// What the table's first line asks for.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A Parquet file that cannot be read.
    #[error("{}: row {row}, column {column}: not readable as Parquet: {problem}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The row, from 0; 0 too where the file as a whole is at fault.
        row: usize,
        /// The column, or `any`.
        column: String,
        /// What is wrong.
        problem: String,
    },
    /// A file without a single row.
    #[error("{}: no rows: expected a JSON array, JSON Lines, CSV or Parquet", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A folder, or nothing, where a file should be.
    #[error("{}: expected {expected}, found {found}", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
        /// Which file it should be.
        expected: &'static str,
        /// What is there, with the files that could be meant.
        found: String,
    },
    /// A field that is missing, of another type or out of place.
    #[error("{}: row {row} (line {line}): {field}: expected {expected}, found {found}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: usize,
        /// The line on which the row begins.
        line: usize,
        /// The field, with the place inside it (`conversations[2].from`).
        field: String,
        /// What the format asks for.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// Two rows that claim the same id.
    #[error("{}: rows {first} and {second} have the same id {id}", path.display())]
    RepeatedId {
        /// The file.
        path: PathBuf,
        /// The id.
        id: Id,
        /// The earlier row, from 0.
        first: usize,
        /// The later row.
        second: usize,
    },
    /// A name that is not in the list it should come from.
    #[error("{what} {name:?} unknown, expected one of: {known}")]
    UnknownName {
        /// What was named ("data format", "column").
        what: &'static str,
        /// The name as it was given.
        name: String,
        /// All names that would do.
        known: String,
    },
    /// Settings that are no TOML.
    #[error("{place}: line {line}: not valid TOML: {problem}")]
    Toml {
        /// The file, or the name of another place.
        place: String,
        /// Line of the fault, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A key that no setting has.
    #[error("{place}: key: expected {expected}, found {key}")]
    UnknownKey {
        /// Where it stands: a file, or the name of another layer of settings.
        place: String,
        /// The key as it was given.
        key: String,
        /// The nearest known key, or all of them.
        expected: String,
    },
    /// A key of an earlier version.
    #[error("{place}: {} is called {} since version {}{}", renamed.old, renamed.new, renamed.since, renamed.change)]
    RenamedKey {
        /// Where it stands: a file, or the name of another layer of settings.
        place: String,
        /// Its old and its new name.
        renamed: Renamed,
    },
    /// Settings, or a run directory, of another command.
    #[error("{}: expected {expected}, found {found}", path.display())]
    AnotherJob {
        /// The file of settings.
        path: PathBuf,
        /// What this command takes.
        expected: String,
        /// Whose settings they are.
        found: String,
    },
    /// A setting whose value is of the wrong kind or out of its range.
    #[error("{}{key}: expected {expected}, found {found}", prefix(place))]
    Setting {
        /// Where it stands: a file, or the name of another layer of settings; empty where it is not known.
        place: String,
        /// The key.
        key: String,
        /// What is accepted.
        expected: String,
        /// What was given.
        found: String,
    },
}

impl DataError {
    /// A [`DataError::Setting`]; `place` is empty where it is not known.
    pub(crate) fn setting(
        place: &str,
        key: &str,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Setting {
            place: place.to_owned(),
            key: key.to_owned(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}

fn prefix(place: &str) -> String {
    if place.is_empty() {
        String::new()
    } else {
        format!("{place}: ")
    }
}
