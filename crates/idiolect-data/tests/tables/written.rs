//! Parquet files of a few rows, written here.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// A Parquet file of an alpaca table: an id, and text or bytes in two columns.
pub(crate) fn write_parquet(path: &Path, kind: &str, cells: [&[&[u8]]; 2]) {
    write_parquet_as(path, kind, cells, WriterProperties::default());
}

pub(crate) fn write_parquet_as(
    path: &Path,
    kind: &str,
    cells: [&[&[u8]]; 2],
    properties: WriterProperties,
) {
    let schema = format!(
        "message table {{ required int64 id; required binary instruction {kind}; required binary output {kind}; }}"
    );
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let out = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let ids: Vec<i64> = (7..).take(cells[0].len()).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<Int64Type>()
        .write_batch(&ids, None, None)
        .unwrap();
    column.close().unwrap();
    for cells in cells {
        let cells: Vec<ByteArray> = cells.iter().map(|cell| cell.to_vec().into()).collect();
        let mut column = group.next_column().unwrap().unwrap();
        let text = column.typed::<ByteArrayType>();
        text.write_batch(&cells, None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

/// A Parquet file of token rows: two lists of numbers.
pub(crate) fn write_token_rows(path: &Path, rows: &[&[i64]]) {
    let schema = "message table {
        required group input_ids (LIST) { repeated group list { required int64 element; } }
        required group labels (LIST) { repeated group list { required int64 element; } }
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let out = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(out, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let values: Vec<i64> = rows.concat();
    let levels: Vec<i16> = vec![1; values.len()];
    let repeated = |row: &&[i64]| {
        (0..row.len())
            .map(|at| i16::from(at > 0))
            .collect::<Vec<_>>()
    };
    let repeats: Vec<i16> = rows.iter().flat_map(repeated).collect();
    while let Some(mut column) = group.next_column().unwrap() {
        let numbers = column.typed::<Int64Type>();
        numbers
            .write_batch(&values, Some(&levels), Some(&repeats))
            .unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}
