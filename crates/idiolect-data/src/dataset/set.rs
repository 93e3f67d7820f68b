//! A data set in memory, which can be written back in the format that it was read in.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value};

use super::faults::{problem, unpack, with_look};
use super::skipped::{BadRows, SkippedRow};
use crate::DataError;
use crate::files::write_atomically;
use crate::formats::{
    Columns, Example, FIRST_ROWS, FileFormat, Format, Place, RowFormat, detect, example, look,
    replace_response,
};
use crate::rows::{Layout, RawRow, RawRows, read_rows};

/// One row: as it stands in the file, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The line on which the row begins, from 1.
    pub line: usize,
    /// All fields, in the file's order, unknown ones too.
    pub raw: Map<String, Value>,
    /// The conversation that the fields hold.
    pub example: Example,
}

impl Row {
    /// Takes row `number` of a file, from 0, for an example.
    ///
    /// # Errors
    ///
    /// [`DataError::Field`] for a row that is not of the format.
    pub fn new(
        path: &Path,
        number: usize,
        row: RawRow,
        format: &RowFormat,
    ) -> Result<Self, DataError> {
        let place = Place {
            path,
            number,
            row: &row,
        };
        let example = example(&place, format)?;
        Ok(Self {
            line: row.line,
            raw: row.fields,
            example,
        })
    }
}

/// Rows with the way in which they were written.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Where the rows came from.
    pub path: PathBuf,
    /// How a row says who said what.
    pub format: RowFormat,
    /// How the rows lie in the file.
    pub layout: Layout,
    /// The rows, in the file's order, at least one.
    pub rows: Vec<Row>,
    /// Rows that were left out, since they are not of the format.
    pub skipped: Vec<SkippedRow>,
}

impl Dataset {
    /// Reads a data set, a JSON array, JSON Lines, CSV or Parquet, whose format its first rows tell.
    ///
    /// A `messages` field makes it messages, `conversations` sharegpt, `instruction` alpaca, `text` text; where
    /// several are there, the first of these counts.
    ///
    /// # Errors
    ///
    /// As [`Self::open_as`]; [`DataError::Field`] names the fields that are there, where none of them tells a
    /// format, and for ready token rows, which hold no messages.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let raw = read_rows(path.as_ref())?;
        match detect(&raw, &Columns::default())? {
            FileFormat::Examples(format) => Self::from_rows(raw, format),
            FileFormat::Tokens => Err(DataError::Field {
                path: raw.path,
                row: 0,
                line: raw.rows.first().map_or(0, |row| row.line),
                field: "input_ids".to_owned(),
                expected: "a data set with text".to_owned(),
                found: "ready token rows".to_owned(),
            }),
        }
    }

    /// Reads a data set, a JSON array, JSON Lines, CSV or Parquet, in a format that is given.
    ///
    /// Rows may lack a response ([`Self::require_responses`]) and share an id
    /// ([`Self::require_unique_ids`]): not every use minds.
    ///
    /// # Errors
    ///
    /// Those of [`read_rows`]; [`DataError::Field`] for a row that is not of the format;
    /// [`DataError::Setting`] for a format that [`RowFormat::check`] refuses.
    pub fn open_as(
        path: impl AsRef<Path>,
        format: impl Into<RowFormat>,
    ) -> Result<Self, DataError> {
        Self::from_rows(read_rows(path.as_ref())?, format)
    }

    /// As [`Self::open_as`], with fields called otherwise.
    ///
    /// # Errors
    ///
    /// As [`Self::open_as`].
    pub fn read(path: &Path, format: Format, columns: &Columns) -> Result<Self, DataError> {
        Self::open_as(path, format.with(columns))
    }

    /// Takes rows that are in memory for a data set.
    ///
    /// # Errors
    ///
    /// As [`Self::open_as`], without those of [`read_rows`].
    pub fn from_rows(raw: RawRows, format: impl Into<RowFormat>) -> Result<Self, DataError> {
        Self::from_rows_with(raw, format, BadRows::Error)
    }

    /// [`Self::from_rows`] with what becomes of rows that are not of the format; where none is left, the first one's
    /// fault is the error.
    ///
    /// # Errors
    ///
    /// As [`Self::from_rows`].
    pub fn from_rows_with(
        raw: RawRows,
        format: impl Into<RowFormat>,
        bad_rows: BadRows,
    ) -> Result<Self, DataError> {
        let format = format.into();
        format.check()?;
        let first = &raw.rows[..raw.rows.len().min(FIRST_ROWS)];
        let looks = look(first, &Columns::default()).filter(|other| other.name != format.name);
        let RawRows {
            path,
            layout,
            mut rows,
        } = raw;
        if layout == Layout::Table {
            unpack(&mut rows, &format);
        }
        let (mut good, mut skipped, mut first) = (Vec::with_capacity(rows.len()), Vec::new(), None);
        for (number, row) in rows.into_iter().enumerate() {
            let (line, id) = (row.line, row.fields.get(&format.id).cloned());
            match Row::new(&path, number, row, &format) {
                Ok(row) => good.push(row),
                Err(error) => {
                    let error = with_look(error, looks.as_ref());
                    if bad_rows == BadRows::Error {
                        return Err(error);
                    }
                    skipped.push(SkippedRow {
                        id: id
                            .filter(|id| id.is_string() || id.is_number())
                            .unwrap_or_else(|| number.into()),
                        file: Some(path.clone()),
                        line: Some(line),
                        problem: problem(&error),
                    });
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if good.is_empty() => Err(error),
            _ => Ok(Self {
                path,
                format,
                layout,
                rows: good,
                skipped,
            }),
        }
    }

    /// Refuses rows with the same id, which could not be told apart later.
    ///
    /// # Errors
    ///
    /// [`DataError::RepeatedId`] for the first row whose id an earlier one has.
    pub fn require_unique_ids(&self) -> Result<(), DataError> {
        let mut seen = HashMap::new();
        for (second, row) in self.rows.iter().enumerate() {
            let id = row.example.id.clone();
            if let Some(first) = seen.insert(id.to_string(), second) {
                return Err(DataError::RepeatedId {
                    path: self.path.clone(),
                    id,
                    first,
                    second,
                });
            }
        }
        Ok(())
    }

    /// Puts another last response into a row, its fields too, or adds one where there was none.
    ///
    /// # Panics
    ///
    /// Where there is no such row.
    pub fn replace_response(&mut self, row: usize, text: &str) {
        let Row { raw, example, .. } = &mut self.rows[row];
        let had_one = example.response().is_some();
        replace_response(raw, &self.format, had_one, text);
        *example = example.with_response(text.to_owned());
    }

    /// Writes the rows in the format and layout that they were read in, whole or not at all; those
    /// of a table as JSON Lines.
    ///
    /// Arrays are indented by four spaces and have no line break at the end, as the reference
    /// scripts write them (sail-sg/sdft@bfb6c255 `eval/gen_distilled_data.py`).
    ///
    /// # Errors
    ///
    /// [`DataError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), DataError> {
        let rows = self.rows.iter().map(|row| &row.raw);
        write_atomically(path, |out| match self.layout {
            Layout::Array => write_array(out, rows),
            Layout::Lines | Layout::Table => write_lines(out, rows),
        })
    }
}

fn write_array<'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Map<String, Value>>,
) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, PrettyFormatter::with_indent(b"    "));
    rows.collect::<Vec<_>>()
        .serialize(&mut serializer)
        .map_err(io::Error::from)
}

fn write_lines<'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Map<String, Value>>,
) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *out, row)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
