//! Tables in Parquet files, row by row.
//!
//! Lists, groups and maps become JSON arrays and objects; dates and other types that JSON lacks
//! become the text that they are written as.
//! It uses no Arrow, and it reads all columns.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::errors::{ParquetError, Result as Parquet};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use serde_json::{Map, Value};

use super::raw::RawRow;
use crate::DataError;

/// Reads the rows of a file. A row's line is its place, from 1.
pub(crate) fn read(path: &Path) -> Result<Vec<RawRow>, DataError> {
    let file = File::open(path).map_err(|source| DataError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    })?;
    let error = |row, column: Option<String>, problem: String| DataError::Parquet {
        path: path.to_owned(),
        row,
        column: column.unwrap_or_else(|| "any".to_owned()),
        problem,
    };
    let reader =
        SerializedFileReader::new(file).map_err(|source| error(0, None, brief(&source)))?;
    let iter = reader.get_row_iter(None);
    let iter = iter.map_err(|source| error(0, None, brief(&source)))?;
    let mut rows = Vec::new();
    for (number, row) in iter.enumerate() {
        let row = row.map_err(|source| error(number, culprit(&reader, number), brief(&source)))?;
        let mut fields = Map::new();
        for (name, field) in row.into_columns() {
            let value = value(field)
                .map_err(|problem| error(number, Some(name.clone()), problem.to_owned()))?;
            fields.insert(name, value);
        }
        let line = number + 1;
        rows.push(RawRow { line, fields });
    }
    Ok(rows)
}

/// The first column that alone cannot be read up to the row.
fn culprit(reader: &SerializedFileReader<File>, row: usize) -> Option<String> {
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
