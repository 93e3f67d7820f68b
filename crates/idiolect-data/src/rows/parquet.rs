//! Tables in Parquet files, row by row.
//!
//! Lists, groups and maps become JSON arrays and objects; dates and other types that JSON lacks
//! become the text that they are written as.
//! It uses no Arrow, and it reads all columns.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use idiolect_input::{LimitError, guarded, limits, open_regular};
use parquet::errors::{ParquetError, Result as Parquet};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;
use serde_json::{Map, Value};

use super::raw::RawRow;
use crate::DataError;

/// Reads the rows of a file. A row's line is its place, from 1.
pub(super) fn read(path: &Path) -> Result<Vec<RawRow>, DataError> {
    let mut read = ParquetRows::open(path)?;
    let most = limits::TABLE_BYTES.value();
    let most = most.map_err(|error| Fault::of_file(error).said(path))?;
    let mut rows = Vec::new();
    while let Some(row) = read.next() {
        rows.push(row?);
        if read.bytes > most {
            let error = limits::TABLE_BYTES.exceeded(most, "more");
            return Err(Fault::of_row(rows.len() - 1, error).said(path));
        }
    }
    Ok(rows)
}

/// The rows of a Parquet file, one in memory at a time beside the pages that they are unpacked from.
pub struct ParquetRows {
    path: PathBuf,
    /// None after an error.
    rows: Option<RowIter<'static>>,
    /// Rows read so far, and the bytes of their texts.
    read: usize,
    bytes: u64,
    /// Bytes that a row may have.
    most: u64,
}

impl ParquetRows {
    /// Opens a file and checks its sizes.
    ///
    /// # Errors
    ///
    /// [`DataError::Io`]; [`DataError::Parquet`] for what is no such file, or is above a limit.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let file = open_regular(path).map_err(|source| DataError::Io {
            path: path.to_owned(),
            action: "read",
            source,
        })?;
        let rows = guarded(|| opened(file)).unwrap_or_else(|panic| Err(Fault::of_file(panic)));
        let most = limits::ROW_BYTES.value().map_err(Fault::of_file);
        let (rows, most) = rows
            .and_then(|rows| Ok((rows, most?)))
            .map_err(|fault| fault.said(path))?;
        Ok(Self {
            path: path.to_owned(),
            rows: Some(rows),
            read: 0,
            bytes: 0,
            most,
        })
    }

    fn row(&mut self) -> Result<Option<RawRow>, Fault> {
        let number = self.read;
        let Some(row) = self.rows.as_mut().and_then(Iterator::next) else {
            return Ok(None);
        };
        let row = row.map_err(|error| Fault {
            column: culprit(&self.path, number),
            ..Fault::of_row(number, brief(&error))
        })?;
        let (mut fields, mut bytes) = (Map::new(), 0);
        for (name, field) in row.into_columns() {
            bytes += (name.len() + length(&field)) as u64;
            let value = value(field).map_err(|problem| Fault {
                column: Some(name.clone()),
                ..Fault::of_row(number, problem)
            })?;
            fields.insert(name, value);
        }
        if bytes > self.most {
            let error = limits::ROW_BYTES.exceeded(self.most, "more");
            return Err(Fault::of_row(number, error));
        }
        (self.read, self.bytes) = (number + 1, self.bytes + bytes);
        let line = number + 1;
        Ok(Some(RawRow { line, fields }))
    }
}

impl Iterator for ParquetRows {
    type Item = Result<RawRow, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = guarded(|| self.row()).unwrap_or_else(|panic| Err(Fault::of_file(panic)));
        match found {
            Ok(row) => row.map(Ok),
            Err(fault) => {
                self.rows = None;
                Some(Err(fault.said(&self.path)))
            }
        }
    }
}

/// What is wrong, and where.
struct Fault {
    row: usize,
    column: Option<String>,
    problem: String,
}

impl Fault {
    /// Of the file as a whole.
    fn of_file(problem: impl ToString) -> Self {
        Self::of_row(0, problem)
    }

    fn of_row(row: usize, problem: impl ToString) -> Self {
        Self {
            row,
            column: None,
            problem: problem.to_string(),
        }
    }

    fn said(self, path: &Path) -> DataError {
        DataError::Parquet {
            path: path.to_owned(),
            row: self.row,
            column: self.column.unwrap_or_else(|| "any".to_owned()),
            problem: self.problem,
        }
    }
}

fn opened(file: File) -> Result<RowIter<'static>, Fault> {
    let whole = |error: ParquetError| Fault::of_file(brief(&error));
    let reader = SerializedFileReader::new(file).map_err(whole)?;
    check_sizes(reader.metadata()).map_err(Fault::of_file)?;
    RowIter::from_file_into(Box::new(reader))
        .project(None)
        .map_err(whole)
}

/// Refuses a file whose metadata promise more than memory holds, before a page is unpacked.
fn check_sizes(metadata: &ParquetMetaData) -> Result<(), LimitError> {
    let size = |number: i64| u64::try_from(number).unwrap_or(u64::MAX);
    let columns = metadata.file_metadata().schema_descr().num_columns() as u64;
    limits::COLUMNS.check(columns)?;
    let (mut rows, mut values, mut bytes) = (0_u64, 0_u64, 0_u64);
    for group in metadata.row_groups() {
        rows = rows.saturating_add(size(group.num_rows()));
        for column in group.columns() {
            values = values.saturating_add(size(column.num_values()));
            bytes = bytes.saturating_add(size(column.uncompressed_size()));
        }
    }
    limits::TABLE_VALUES.check(values.max(rows.saturating_mul(columns)))?;
    limits::TABLE_BYTES.check(bytes)
}

/// Bytes of a field's texts, and a few for each other value.
fn length(field: &Field) -> usize {
    match field {
        Field::Str(text) => text.len(),
        Field::Bytes(bytes) => bytes.len(),
        Field::Group(row) => row.get_column_iter().map(|(_, field)| length(field)).sum(),
        Field::ListInternal(list) => list.elements().iter().map(length).sum(),
        Field::MapInternal(map) => {
            let pairs = map.entries().iter();
            pairs.map(|(key, value)| length(key) + length(value)).sum()
        }
        _ => 8,
    }
}

/// The first column that alone cannot be read up to the row.
fn culprit(path: &Path, row: usize) -> Option<String> {
    let reader = SerializedFileReader::new(open_regular(path).ok()?).ok()?;
    let schema = reader.metadata().file_metadata().schema();
    let fails = |column: &&Arc<Type>| -> Parquet<bool> {
        let alone = Type::group_type_builder(schema.name());
        let alone = alone.with_fields(vec![Arc::clone(column)]).build()?;
        Ok(reader
            .get_row_iter(Some(alone))?
            .take(row + 1)
            .any(|row| row.is_err()))
    };
    let columns = schema.get_fields();
    let column = columns.iter().find(|column| fails(column).unwrap_or(true));
    column.map(|column| column.name().to_owned())
}

/// The library's reason without the bytes that it is about, which may be many.
fn brief(error: &ParquetError) -> String {
    let text = error.to_string();
    text.split(" Bytes: ").next().unwrap_or(&text).to_owned()
}

/// A field as JSON; the refusal says what is wrong with it.
fn value(field: Field) -> Result<Value, &'static str> {
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(truth) => truth.into(),
        Field::Byte(number) => number.into(),
        Field::Short(number) => number.into(),
        Field::Int(number) => number.into(),
        Field::Long(number) => number.into(),
        Field::UByte(number) => number.into(),
        Field::UShort(number) => number.into(),
        Field::UInt(number) => number.into(),
        Field::ULong(number) => number.into(),
        Field::Float(number) => number.into(),
        Field::Double(number) => number.into(),
        Field::Str(text) => text.into(),
        // Older writers leave out that bytes are text.
        Field::Bytes(bytes) => bytes
            .as_utf8()
            .map_err(|_| "bytes that are no text")?
            .into(),
        Field::Group(row) => group(row.into_columns())?,
        Field::ListInternal(list) => list
            .elements()
            .iter()
            .map(|field| value(field.clone()))
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Field::MapInternal(map) => group(map.entries().iter().map(|(key, value)| {
            let key = match key {
                Field::Str(text) => text.clone(),
                other => other.to_string(),
            };
            (key, value.clone())
        }))?,
        other => other.to_string().into(),
    })
}

fn group(fields: impl IntoIterator<Item = (String, Field)>) -> Result<Value, &'static str> {
    let one = |(name, field)| Ok((name, value(field)?));
    let fields = fields.into_iter().map(one);
    Ok(Value::Object(fields.collect::<Result<_, _>>()?))
}
