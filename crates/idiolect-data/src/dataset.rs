//! A data set in memory, which can be written back in the format that it was read in.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use crate::DataError;
use crate::csv;
use crate::example::Example;
use crate::format::Columns;
use crate::format::Format;
use crate::parse;
use crate::place::Place;
use crate::rows::{Layout, RawRow, RawRows, read_rows};
use crate::write::write_atomically;

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

/// Rows with the way in which they were written.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// Where the rows came from; stands in errors.
    pub path: PathBuf,
    /// How a row says who said what.
    pub format: Format,
    /// How the rows lie in the file.
    pub layout: Layout,
    /// How the fields are called.
    pub columns: Columns,
    /// The rows, in the file's order, at least one.
    pub rows: Vec<Row>,
}

impl DataSet {
    /// Reads a data set: a JSON array, JSON Lines, CSV or Parquet.
    ///
    /// Rows may lack a response ([`Self::require_responses`]) and share an id
    /// ([`Self::require_unique_ids`]): not every use minds.
    ///
    /// # Errors
    ///
    /// Those of [`read_rows`]; [`DataError::Field`] for a row that is not of the format;
    /// [`DataError::UnknownName`] for [`Format::Tokens`], whose rows hold no messages.
    pub fn read(path: &Path, format: Format, columns: &Columns) -> Result<Self, DataError> {
        Self::from_rows(read_rows(path)?, format, columns)
    }

    /// Takes rows that are in memory for a data set.
    ///
    /// # Errors
    ///
    /// As [`Self::read`], without those of [`read_rows`].
    pub fn from_rows(raw: RawRows, format: Format, columns: &Columns) -> Result<Self, DataError> {
        let RawRows {
            path,
            layout,
            mut rows,
        } = raw;
        if layout == Layout::Table {
            unpack(&mut rows, columns);
        }
        let row = |(number, row): (usize, RawRow)| {
            let place = Place {
                path: &path,
                number,
                row: &row,
            };
            let example = parse::example(&place, format, columns)?;
            Ok(Row {
                line: row.line,
                raw: row.fields,
                example,
            })
        };
        let rows = rows
            .into_iter()
            .enumerate()
            .map(row)
            .collect::<Result<_, DataError>>()?;
        Ok(Self {
            path,
            format,
            layout,
            columns: columns.clone(),
            rows,
        })
    }

    /// Refuses rows without a response; empty text is one.
    ///
    /// # Errors
    ///
    /// [`DataError::Field`] for the first such row.
    pub fn require_responses(&self) -> Result<(), DataError> {
        let Some(number) = self
            .rows
            .iter()
            .position(|row| row.example.response().is_none())
        else {
            return Ok(());
        };
        let row = RawRow {
            line: self.rows[number].line,
            fields: Map::new(),
        };
        let place = Place {
            path: &self.path,
            number,
            row: &row,
        };
        let (field, expected) = match self.format {
            Format::Sharegpt => (&self.columns.conversations, "a last turn of gpt"),
            Format::Messages => (&self.columns.messages, "a last turn of assistant"),
            _ => (&self.columns.response, "a response"),
        };
        Err(place.error(field, expected, "none"))
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
        let had_one = self.rows[row].example.response().is_some();
        let Row { raw, example, .. } = &mut self.rows[row];
        let columns = &self.columns;
        match self.format {
            Format::Alpaca => set_text(raw, &columns.response, text),
            Format::Text | Format::Tokens => set_text(raw, &columns.text, text),
            Format::Sharegpt => {
                set_turn(
                    &mut raw[&columns.conversations],
                    had_one,
                    ["from", "gpt", "value"],
                    text,
                );
            }
            Format::Messages => {
                let keys = ["role", "assistant", "content"];
                set_turn(&mut raw[&columns.messages], had_one, keys, text);
            }
        }
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

/// Takes the text of list columns that have a name of their own for the list it stands for.
fn unpack(rows: &mut [RawRow], columns: &Columns) {
    let names = [&columns.history, &columns.conversations, &columns.messages];
    for row in rows {
        for name in names {
            if let Some(value) = row.fields.get_mut(name)
                && let Value::String(text) = value
            {
                *value = csv::list(text);
            }
        }
    }
}

fn set_text(raw: &mut Map<String, Value>, field: &str, text: &str) {
    raw.insert(field.to_owned(), text.into());
}

/// Sets the text of the last turn, or adds a turn; `keys` are the role's key and name, and the
/// text's key.
fn set_turn(turns: &mut Value, had_one: bool, keys: [&str; 3], text: &str) {
    let [role_key, role, text_key] = keys;
    match turns.as_array_mut() {
        Some(turns) if had_one => {
            if let Some(last) = turns.last_mut() {
                last[text_key] = text.into();
            }
        }
        Some(turns) => turns.push(json!({ role_key: role, text_key: text })),
        None => {}
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
