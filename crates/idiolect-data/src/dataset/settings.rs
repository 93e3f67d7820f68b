//! Data sets as settings name them: files, their format, a sample, and how several are mixed.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::select::{check_weights, mix, sample};
use super::set::{Dataset, Row};
use super::skipped::{BadRows, SkippedRow};
use crate::DataError;
use crate::formats::{Columns, FIRST_ROWS, FileFormat, FormatSetting, Id, RowFormat, detect};
use crate::rows::{first_rows, read_rows};

/// Which examples are used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DataSettings {
    /// Files of examples, each a JSON array, JSON Lines, CSV or Parquet; one path or a list of them.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub data: Vec<PathBuf>,
    /// How often the rows of each file are used, in the order of `data`: 1 takes every row once, 0.5 a random half of
    /// them; at least 0. Default: none, every row once.
    pub weights: Vec<f64>,
    /// Format of the rows: `auto` (default), which finds that of each file, `alpaca`, `sharegpt`, `messages`,
    /// `prompt-completion`, `text`, `tokens`, or a `.toml` file that describes one.
    pub format: FormatSetting,
    /// What becomes of a row that is not of the format, or that the template does not take: `error` (default), or
    /// `skip`, which leaves it out, counts it and lists it in a file.
    pub bad_rows: BadRows,
    /// The field of alpaca rows that holds the instruction. Default: `instruction`.
    pub instruction_column: String,
    /// The field of alpaca rows that holds the response. Default: `output`.
    pub response_column: String,
    /// Use this many examples, drawn by the seed; at least 1. Default: all.
    pub sample: Option<usize>,
}

impl Default for DataSettings {
    fn default() -> Self {
        let columns = Columns::default();
        Self {
            data: Vec::new(),
            weights: Vec::new(),
            format: FormatSetting::default(),
            bad_rows: BadRows::default(),
            instruction_column: columns.instruction,
            response_column: columns.response,
            sample: None,
        }
    }
}

/// Rows of all files of a run, and those that were left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadRows {
    /// The rows, in the order in which they are used.
    pub rows: Vec<Row>,
    /// Those that cannot be used.
    pub skipped: Vec<SkippedRow>,
}

impl DataSettings {
    /// Whether the values are in their ranges; looks at no file.
    ///
    /// # Errors
    ///
    /// [`DataError::Setting`] where there is no file, not one weight a file, a weight that is no number from 0 up, or
    /// a sample of none.
    pub fn check(&self) -> Result<(), DataError> {
        if self.data.is_empty() {
            return Err(setting("data", "a data set", "nothing"));
        }
        if !self.weights.is_empty() && self.weights.len() != self.data.len() {
            let expected = format!("one weight for each of {} data sets", self.data.len());
            return Err(setting("weights", expected, self.weights.len()));
        }
        check_weights(&self.weights)?;
        if self.sample == Some(0) {
            return Err(setting("sample", "at least 1", 0));
        }
        Ok(())
    }

    /// The one file that a command needs.
    ///
    /// # Errors
    ///
    /// [`DataError::Setting`] for none or several.
    pub fn only(&self) -> Result<&Path, DataError> {
        match self.data.as_slice() {
            [path] => Ok(path),
            [] => Err(setting("data", "a data set", "nothing")),
            many => {
                let found = format!("{} of them", many.len());
                Err(setting("data", "one data set", found))
            }
        }
    }

    /// What the rows of a file hold; it is opened only where `format` is `auto` or a file of its own.
    ///
    /// # Errors
    ///
    /// Those of [`RowFormat::read`], and for `auto` those of [`Dataset::open`].
    pub fn file_format(&self, path: &Path) -> Result<FileFormat, DataError> {
        match &self.format {
            FormatSetting::Auto => detect(&first_rows(path, FIRST_ROWS)?, &self.columns()),
            FormatSetting::BuiltIn(format) => {
                Ok(FileFormat::Examples(format.with(&self.columns())))
            }
            FormatSetting::Tokens => Ok(FileFormat::Tokens),
            FormatSetting::File(description) => {
                RowFormat::read(description).map(FileFormat::Examples)
            }
        }
    }

    /// Reads one file of examples.
    ///
    /// # Errors
    ///
    /// Those of [`Dataset::open_as`] and of [`Self::file_format`]; [`DataError::Setting`] for a file of token rows.
    pub fn read(&self, path: &Path) -> Result<Dataset, DataError> {
        match self.file_format(path)? {
            FileFormat::Examples(format) => {
                Dataset::from_rows_with(read_rows(path)?, format, self.bad_rows)
            }
            FileFormat::Tokens => Err(setting("format", "a format with text", "tokens")),
        }
    }

    /// Reads all files, mixes them by their weights and draws the sample, all by `seed`.
    ///
    /// With several files an id is made unique by the number of its file.
    ///
    /// # Errors
    ///
    /// As [`Self::check`], [`Self::read`] and [`Self::drawn`]; [`DataError::Field`] for a row without an answer, unless
    /// bad rows are skipped; [`DataError::Setting`] for weights that make more than
    /// [`crate::MOST_MIXED`] rows.
    pub fn read_all(&self, seed: u64) -> Result<Vec<Row>, DataError> {
        Ok(self.read_all_with_skipped(seed)?.rows)
    }

    /// [`Self::read_all`] with the rows that were left out.
    ///
    /// # Errors
    ///
    /// As [`Self::read_all`].
    pub fn read_all_with_skipped(&self, seed: u64) -> Result<ReadRows, DataError> {
        self.check()?;
        let sets = self.data.iter().map(|path| self.read(path));
        let mut sets = sets.collect::<Result<Vec<_>, _>>()?;
        if self.bad_rows == BadRows::Error {
            sets.iter().try_for_each(Dataset::require_answers)?;
        }
        let skipped = sets
            .iter_mut()
            .flat_map(|set| std::mem::take(&mut set.skipped));
        let skipped = skipped.collect();
        let rows = if sets.len() == 1 {
            std::mem::take(&mut sets[0].rows)
        } else {
            mixed(&sets, &self.weights, seed)?
        };
        if self.sample.is_none() {
            return Ok(ReadRows { rows, skipped });
        }
        let chosen = self.drawn(rows.len(), seed)?.into_iter();
        let rows = chosen.filter_map(|at| rows.get(at).cloned()).collect();
        Ok(ReadRows { rows, skipped })
    }

    /// The places of the rows that `sample` draws of so many, in ascending order; of all without one.
    ///
    /// # Errors
    ///
    /// [`DataError::Setting`] for a sample of more rows than there are.
    pub fn drawn(&self, rows: usize, seed: u64) -> Result<Vec<usize>, DataError> {
        match self.sample {
            Some(n) if n > rows => {
                let files = self.data.iter().map(|path| path.display().to_string());
                let files = files.collect::<Vec<_>>().join(", ");
                let expected = format!("at most {rows}, the usable rows of {files}");
                Err(setting("sample", expected, n))
            }
            n => Ok(sample(rows, n.unwrap_or(rows), seed)),
        }
    }

    pub(super) fn columns(&self) -> Columns {
        Columns {
            instruction: self.instruction_column.clone(),
            response: self.response_column.clone(),
            ..Columns::default()
        }
    }
}

fn mixed(sets: &[Dataset], weights: &[f64], seed: u64) -> Result<Vec<Row>, DataError> {
    let lens: Vec<usize> = sets.iter().map(|set| set.rows.len()).collect();
    let order = mix(&lens, weights, seed)?.into_iter().enumerate();
    let rows = order.filter_map(|(place, (set, row))| {
        let mut row = sets.get(set)?.rows.get(row)?.clone();
        // A set with a weight above 1 repeats rows, so the place stands in the id too.
        row.example.id = format!("{set}:{}:{place}", id_text(&row.example.id)).into();
        Some(row)
    });
    Ok(rows.collect())
}

/// The number of the file, from 0, whose row has an id that [`DataSettings::read_all`] made unique; none for another id.
#[must_use]
pub fn file_of_mixed(id: &Id) -> Option<usize> {
    id.as_str()?.split_once(':')?.0.parse().ok()
}

/// An id as text, without quotation marks.
#[must_use]
pub fn id_text(id: &Id) -> String {
    id.as_str().map_or_else(|| id.to_string(), Into::into)
}

fn setting(key: &str, expected: impl Into<String>, found: impl ToString) -> DataError {
    DataError::Setting {
        place: String::new(),
        key: key.to_owned(),
        expected: expected.into(),
        found: found.to_string(),
    }
}

/// A path, or a list of them.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a path or a list of paths")]
enum OneOrMany {
    One(PathBuf),
    Many(Vec<PathBuf>),
}

fn one_or_many<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<PathBuf>, D::Error> {
    Ok(match OneOrMany::deserialize(input)? {
        OneOrMany::One(path) => vec![path],
        OneOrMany::Many(paths) => paths,
    })
}
