//! Files of the tasks as rows of fields: rows in any layout of a data set, and the archive of MMLU.

use std::io::Read;
use std::path::{Path, PathBuf};

use idiolect_data::{Layout, RawRow, read_rows};
use idiolect_input::{limits, open_regular};
use serde_json::{Map, Value};

use crate::error::{EvalError, RowPlace};
use crate::template::{Piece, pieces};

/// One row and where it stands.
pub(crate) struct TaskRow {
    pub(crate) path: PathBuf,
    /// From 1.
    pub(crate) row: usize,
    pub(crate) fields: Map<String, Value>,
}

impl TaskRow {
    /// A field that must hold text, or a number to be read as text.
    pub(crate) fn text(&self, field: &str) -> Result<String, EvalError> {
        match self.fields.get(field) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => Err(self.wrong(field, "text")),
        }
    }

    /// A field that must hold a list of texts.
    pub(crate) fn texts(&self, field: &str) -> Result<Vec<String>, EvalError> {
        let list = self.fields.get(field).and_then(Value::as_array);
        let texts = list.and_then(|list| {
            list.iter()
                .map(|text| Some(text.as_str()?.to_owned()))
                .collect()
        });
        texts.ok_or_else(|| self.wrong(field, "a list of texts"))
    }

    /// A field that must hold a whole number, plain or as text.
    pub(crate) fn index(&self, field: &str) -> Result<usize, EvalError> {
        let number = self.text(field)?.parse().ok();
        number.ok_or_else(|| self.wrong(field, "a whole number"))
    }

    /// A template filled with the row's fields.
    pub(crate) fn filled(&self, template: &str) -> Result<String, EvalError> {
        let pieces = pieces(template)
            .map_err(|reason| EvalError::setting("template", reason, format!("{template:?}")))?;
        let text = |piece| match piece {
            Piece::Text(text) => Ok(text.to_owned()),
            Piece::Name(field) => self.text(field),
        };
        pieces.into_iter().map(text).collect()
    }

    /// An error at one field.
    pub(crate) fn wrong(&self, field: &str, expected: &str) -> EvalError {
        let found = self.fields.get(field);
        EvalError::Field {
            place: RowPlace {
                path: self.path.clone(),
                row: self.row,
                line: None,
            },
            field: field.to_owned(),
            expected: expected.to_owned(),
            found: found.map_or_else(|| "nothing".to_owned(), shown),
        }
    }
}

/// The beginning of a value.
fn shown(value: &Value) -> String {
    const MOST: usize = 100;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The rows of a file; an empty cell of a table is empty text.
pub(crate) fn rows(path: &Path) -> Result<Vec<TaskRow>, EvalError> {
    let found = read_rows(path)?;
    let is_table = found.layout == Layout::Table;
    let cell = |(name, value): (String, Value)| match value {
        Value::Null if is_table => (name, "".into()),
        value => (name, value),
    };
    let row = |(i, row): (usize, RawRow)| TaskRow {
        path: path.to_owned(),
        row: i + 1,
        fields: row.fields.into_iter().map(cell).collect(),
    };
    Ok(found.rows.into_iter().enumerate().map(row).collect())
}

/// The rows of one half (`dev`, `test`) of MMLU's archive, with their subject, subjects in order of
/// their names.
pub(crate) fn mmlu(path: &Path, half: &str) -> Result<Vec<TaskRow>, EvalError> {
    let reason = |reason: &dyn std::fmt::Display| file_error(path, reason);
    let file = open_regular(path).map_err(|e| reason(&e))?;
    let most = limits::MEMBER_BYTES.value().map_err(|e| reason(&e))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|e| reason(&e))?;
    let ending = format!("_{half}.csv");
    let mut names = Vec::new();
    for name in archive.file_names() {
        names.push(name.map_err(|e| reason(&e))?.into_owned());
    }
    names.retain(|name| name.ends_with(&ending));
    names.sort();
    let mut rows = Vec::new();
    for name in names {
        let mut text = Vec::new();
        let member = archive.by_name(&name).map_err(|e| reason(&e))?;
        let mut bounded = member.take(most.saturating_add(1));
        bounded.read_to_end(&mut text).map_err(|e| reason(&e))?;
        if text.len() as u64 > most {
            return Err(reason(&limits::MEMBER_BYTES.exceeded(most, "more")));
        }
        let file_name = name.rsplit('/').next().unwrap_or_default();
        let subject = file_name.strip_suffix(&ending).unwrap_or_default();
        rows.extend(mmlu_subject(&path.join(&name), &text, subject)?);
    }
    Ok(rows)
}

/// The rows of one subject, whose table has no names of columns.
fn mmlu_subject(path: &Path, text: &[u8], subject: &str) -> Result<Vec<TaskRow>, EvalError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text);
    let mut rows = Vec::new();
    for (i, record) in reader.records().enumerate() {
        let record = record.map_err(|error| file_error(path, &error))?;
        let columns = ["question", "A", "B", "C", "D", "answer"]
            .into_iter()
            .zip(&record);
        let mut fields: Map<String, Value> = columns
            .map(|(name, text)| (name.to_owned(), text.into()))
            .collect();
        fields.insert("subject".to_owned(), subject.into());
        rows.push(TaskRow {
            path: path.to_owned(),
            row: i + 1,
            fields,
        });
    }
    Ok(rows)
}

fn file_error(path: &Path, reason: &dyn std::fmt::Display) -> EvalError {
    EvalError::File {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    /// An archive with one member of the test half, which begins with a row and is `padded` with line breaks.
    fn archive(folder: &Path, length: u64) -> std::path::PathBuf {
        const ROW: &[u8] = b"Which?,a,b,c,d,B\n";
        let path = folder.join("mmlu.zip");
        let mut writer = ZipWriter::new(File::create(&path).unwrap());
        let options = SimpleFileOptions::default();
        writer
            .start_file("data/test/law_test.csv", options)
            .unwrap();
        writer.write_all(ROW).unwrap();
        let mut left = length - ROW.len() as u64;
        let breaks = vec![b'\n'; 1 << 16];
        while left > 0 {
            let piece = left.min(breaks.len() as u64);
            writer
                .write_all(&breaks[..usize::try_from(piece).unwrap()])
                .unwrap();
            left -= piece;
        }
        writer.finish().unwrap();
        path
    }

    /// Compressed it has some 64 KB: what counts is what it is without that.
    #[test]
    fn a_member_of_an_archive_over_the_limit_is_refused_before_it_is_unpacked_further() {
        let folder = tempfile::tempdir().unwrap();
        let most = limits::MEMBER_BYTES.default;
        let path = archive(folder.path(), most);
        let rows = mmlu(&path, "test").unwrap();
        assert_eq!((rows.len(), &rows[0].fields["answer"]), (1, &"B".into()));
        let path = archive(folder.path(), most + 1);
        assert!(path.metadata().unwrap().len() < 1 << 20);
        let error = mmlu(&path, "test").map(|_| ()).unwrap_err().to_string();
        let told = "mmlu.zip: expected at most 67108864 unpacked bytes of an archive's member, found more \
             (the environment variable IDIOLECT_LIMIT_MEMBER_BYTES sets another limit)";
        assert!(error.ends_with(told), "{error}");
    }
}
