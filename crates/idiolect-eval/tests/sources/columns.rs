//! Parquet files with the columns that the Hub's have: every value optional, lists of three levels.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

/// What a column holds.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Number,
    /// A list of texts or of numbers.
    Texts,
    Numbers,
    /// An object whose columns these are.
    Group(&'static [(&'static str, Kind)]),
}

pub(crate) type Columns = [(&'static str, Kind)];

fn schema(columns: &Columns) -> String {
    let list = |name: &str, element: &str| {
        format!("optional group {name} (LIST) {{ repeated group list {{ optional {element}; }} }}")
    };
    let one = |(name, kind): &(&str, Kind)| match kind {
        Kind::Text => format!("optional binary {name} (STRING);"),
        Kind::Number => format!("optional int64 {name};"),
        Kind::Texts => list(name, "binary element (STRING)"),
        Kind::Numbers => list(name, "int64 element"),
        Kind::Group(inner) => format!("optional group {name} {{ {} }}", schema(inner)),
    };
    columns.iter().map(one).collect()
}

/// The values of one leaf, each with its level of definition and whether it begins a list anew.
struct Leaf {
    values: Vec<Value>,
    definition: Vec<i16>,
    repetition: Vec<i16>,
    is_text: bool,
}

fn leaves(columns: &Columns, rows: &[&Value], depth: i16, out: &mut Vec<Leaf>) {
    for (name, kind) in columns {
        let cells: Vec<&Value> = rows.iter().map(|row| &row[*name]).collect();
        let is_list = matches!(kind, Kind::Texts | Kind::Numbers);
        if let Kind::Group(inner) = kind {
            leaves(inner, &cells, depth + 1, out);
            continue;
        }
        let mut leaf = Leaf {
            values: Vec::new(),
            definition: Vec::new(),
            repetition: Vec::new(),
            is_text: matches!(kind, Kind::Text | Kind::Texts),
        };
        for cell in cells {
            let values = match cell {
                Value::Array(list) if is_list => list.clone(),
                other => vec![other.clone()],
            };
            for (at, value) in values.into_iter().enumerate() {
                leaf.repetition.push(i16::from(at > 0));
                leaf.definition.push(depth + if is_list { 3 } else { 1 });
                leaf.values.push(value);
            }
        }
        out.push(leaf);
    }
}

/// Writes rows, none with a missing value or an empty list.
pub(crate) fn write(path: &Path, columns: &Columns, rows: &[Value]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let schema = format!("message schema {{ {} }}", schema(columns));
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let properties = Arc::new(WriterProperties::default());
    let file = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut all = Vec::new();
    leaves(columns, &rows.iter().collect::<Vec<_>>(), 0, &mut all);
    for leaf in all {
        let mut column = group.next_column().unwrap().unwrap();
        let repetition = leaf.repetition.iter().any(|level| *level > 0);
        let is_list = repetition || *leaf.definition.first().unwrap() > 2;
        let levels = (
            Some(&*leaf.definition),
            is_list.then_some(&*leaf.repetition),
        );
        if leaf.is_text {
            let texts = leaf
                .values
                .iter()
                .map(|text| ByteArray::from(text.as_str().unwrap()));
            let texts: Vec<ByteArray> = texts.collect();
            let typed = column.typed::<ByteArrayType>();
            typed.write_batch(&texts, levels.0, levels.1).unwrap();
        } else {
            let numbers = leaf.values.iter().map(|number| number.as_i64().unwrap());
            let numbers: Vec<i64> = numbers.collect();
            let typed = column.typed::<Int64Type>();
            typed.write_batch(&numbers, levels.0, levels.1).unwrap();
        }
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}
