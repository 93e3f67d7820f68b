//! Data sets as a command names them: files, their format, a sample, and how several are mixed.

use std::path::Path;

use idiolect::data::{Columns, DataSet, Format, Row, mix, sample};

use crate::error::CliError;
use crate::keys::DataKeys;

/// The format that the keys name; alpaca by default.
///
/// # Errors
///
/// [`CliError::Data`] for a name that is none.
pub fn format(keys: &DataKeys) -> Result<Format, CliError> {
    Ok(keys.format.as_deref().unwrap_or("alpaca").parse()?)
}

/// How the fields of a row are called.
#[must_use]
pub fn columns(keys: &DataKeys) -> Columns {
    let plain = Columns::default();
    Columns {
        instruction: keys.instruction_column.clone().unwrap_or(plain.instruction),
        response: keys.response_column.clone().unwrap_or(plain.response),
        ..plain
    }
}

/// Reads one file in the format of the keys.
///
/// # Errors
///
/// [`CliError::Data`] names file, row and field.
pub fn read(path: &Path, keys: &DataKeys) -> Result<DataSet, CliError> {
    Ok(DataSet::read(path, format(keys)?, &columns(keys))?)
}

/// The one file that a command needs.
///
/// # Errors
///
/// [`CliError::Setting`] for none or several.
pub fn only(keys: &DataKeys) -> Result<&Path, CliError> {
    match keys.data.as_slice() {
        [path] => Ok(path),
        [] => Err(CliError::setting("--data", "a data set", "nothing")),
        many => Err(CliError::setting(
            "--data",
            "one data set",
            format!("{} of them", many.len()),
        )),
    }
}

/// Reads all files, mixes them by their weights and draws the sample, all by `seed`.
///
/// With several files an id is made unique by the number of its file.
///
/// # Errors
///
/// As [`read`]; [`CliError::Setting`] when there is no file, or not one weight a file.
pub fn read_all(keys: &DataKeys, seed: u64) -> Result<Vec<Row>, CliError> {
    if keys.data.is_empty() {
        return Err(CliError::setting("--data", "a data set", "nothing"));
    }
    if !keys.weights.is_empty() && keys.weights.len() != keys.data.len() {
        let expected = format!("one weight for each of {} data sets", keys.data.len());
        return Err(CliError::setting("--weights", expected, keys.weights.len()));
    }
    let sets = keys
        .data
        .iter()
        .map(|path| read(path, keys))
        .collect::<Result<Vec<_>, _>>()?;
    let mut rows = match sets.as_slice() {
        [one] => one.rows.clone(),
        many => mixed(many, &keys.weights, seed),
    };
    if let Some(n) = keys.sample {
        let chosen = sample(rows.len(), n, seed);
        rows = chosen
            .into_iter()
            .filter_map(|i| rows.get(i).cloned())
            .collect();
    }
    Ok(rows)
}

fn mixed(sets: &[DataSet], weights: &[f64], seed: u64) -> Vec<Row> {
    let lens: Vec<usize> = sets.iter().map(|set| set.rows.len()).collect();
    let order = mix(&lens, weights, seed).into_iter().enumerate();
    order
        .filter_map(|(place, (set, row))| {
            let mut row = sets.get(set)?.rows.get(row)?.clone();
            // A set with a weight above 1 repeats rows, so the place stands in the id too.
            row.example.id = format!("{set}:{}:{place}", plain(&row.example.id)).into();
            Some(row)
        })
        .collect()
}

/// An id without quotation marks.
pub fn plain(id: &serde_json::Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), Into::into)
}

/// Makes the folder that a file will lie in.
///
/// # Errors
///
/// [`CliError::Io`] when it cannot be made.
pub fn folder_of(file: &Path) -> Result<(), CliError> {
    match file.parent() {
        Some(folder) => std::fs::create_dir_all(folder).map_err(CliError::io(folder)),
        None => Ok(()),
    }
}
