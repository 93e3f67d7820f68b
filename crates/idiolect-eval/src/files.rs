//! Files of the tasks as rows of fields: JSON rows, CSV, and the archive of MMLU.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use idiolect_data::read_rows;
use serde_json::{Map, Value};

use crate::EvalError;

/// One row and where it stands.
pub(crate) struct Doc {
    pub(crate) path: PathBuf,
    /// From 1.
    pub(crate) row: usize,
    pub(crate) fields: Map<String, Value>,
}

impl Doc {
    /// A field that must hold text, or a number to be read as text.
    pub(crate) fn text(&self, field: &'static str) -> Result<String, EvalError> {
        match self.fields.get(field) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => Err(self.wrong(field, "text")),
        }
    }

    /// A field that must hold a list of texts.
    pub(crate) fn texts(&self, field: &'static str) -> Result<Vec<String>, EvalError> {
        let list = self.fields.get(field).and_then(Value::as_array);
        let texts = list.and_then(|list| {
            list.iter()
                .map(|text| Some(text.as_str()?.to_owned()))
                .collect()
        });
        texts.ok_or_else(|| self.wrong(field, "a list of texts"))
    }

    /// A field that must hold a whole number, plain or as text.
    pub(crate) fn index(&self, field: &'static str) -> Result<usize, EvalError> {
        let number = self.text(field)?.parse().ok();
        number.ok_or_else(|| self.wrong(field, "a whole number"))
    }

    pub(crate) fn wrong(&self, field: &'static str, expected: &'static str) -> EvalError {
        EvalError::Field {
            path: self.path.clone(),
            row: self.row,
            field,
            expected,
        }
    }
}

/// The rows of a file of JSON objects.
pub(crate) fn json(path: &Path) -> Result<Vec<Doc>, EvalError> {
    let rows = read_rows(path)?.rows.into_iter().enumerate();
    let doc = |(i, row): (usize, idiolect_data::RawRow)| Doc {
        path: path.to_owned(),
        row: i + 1,
        fields: row.fields,
    };
    Ok(rows.map(doc).collect())
}

/// The rows of a CSV file under the names of its first row.
pub(crate) fn csv(path: &Path) -> Result<Vec<Doc>, EvalError> {
    let reason = |reason: csv::Error| file_error(path, &reason);
    let mut reader = csv::Reader::from_path(path).map_err(reason)?;
    let names = reader.headers().map_err(reason)?.clone();
    let mut docs = Vec::new();
    for record in reader.records() {
        let record = record.map_err(reason)?;
        let pairs = names.iter().zip(&record);
        docs.push(Doc {
            path: path.to_owned(),
            row: docs.len() + 1,
            fields: pairs
                .map(|(name, text)| (name.to_owned(), text.into()))
                .collect(),
        });
    }
    Ok(docs)
}

/// The rows of one half (`dev`, `test`) of MMLU's archive, with their subject, subjects in order of
/// their names.
pub(crate) fn mmlu(path: &Path, half: &str) -> Result<Vec<Doc>, EvalError> {
    let reason = |reason: &dyn std::fmt::Display| file_error(path, reason);
    let file = File::open(path).map_err(|e| reason(&e))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|e| reason(&e))?;
    let ending = format!("_{half}.csv");
    let mut names = Vec::new();
    for name in archive.file_names() {
        names.push(name.map_err(|e| reason(&e))?.into_owned());
    }
    names.retain(|name| name.ends_with(&ending));
    names.sort();
    let mut docs = Vec::new();
    for name in names {
        let mut text = Vec::new();
        let mut member = archive.by_name(&name).map_err(|e| reason(&e))?;
        member.read_to_end(&mut text).map_err(|e| reason(&e))?;
        let file_name = name.rsplit('/').next().unwrap_or_default();
        let subject = file_name.strip_suffix(&ending).unwrap_or_default();
        let place = path.join(&name);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(&*text);
        for (i, record) in reader.records().enumerate() {
            let record = record.map_err(|e| file_error(&place, &e))?;
            let columns = ["question", "A", "B", "C", "D", "answer"]
                .into_iter()
                .zip(&record);
            let mut fields: Map<String, Value> = columns
                .map(|(name, text)| (name.to_owned(), text.into()))
                .collect();
            fields.insert("subject".to_owned(), subject.into());
            let path = place.clone();
            docs.push(Doc {
                path,
                row: i + 1,
                fields,
            });
        }
    }
    Ok(docs)
}

fn file_error(path: &Path, reason: &dyn std::fmt::Display) -> EvalError {
    EvalError::File {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
