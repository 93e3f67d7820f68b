//! What a fine-tuning is given to train on: a data set, ready rows of tokens, or a file that is read row by row.

use std::borrow::Cow;
use std::path::Path;

use idiolect_data::{DataSettings, Dataset, FileFormat, FormatSetting, LineIndex, Row};
use idiolect_tokens::TokenRow;

use crate::FineTuneError;

/// What a fine-tuning is given to train on.
///
/// A data set, rows of it, rows of tokens and [`LazyRows`] turn into it by themselves.
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "there is one of it a run")]
pub enum TrainingData<'a> {
    /// A data set, whose conversations the model's template renders.
    Set(&'a Dataset),
    /// Conversations of several sets, or some of a set.
    Examples(Cow<'a, [Row]>),
    /// Rows of tokens with their labels, taken as they are.
    Tokens(Cow<'a, [TokenRow]>),
    /// Rows of a file, read as they are needed.
    Lazy(LazyRows),
}

impl<'a> From<&'a Dataset> for TrainingData<'a> {
    fn from(set: &'a Dataset) -> Self {
        Self::Set(set)
    }
}

impl<'a> From<&'a [Row]> for TrainingData<'a> {
    fn from(rows: &'a [Row]) -> Self {
        Self::Examples(Cow::Borrowed(rows))
    }
}

impl From<Vec<Row>> for TrainingData<'_> {
    fn from(rows: Vec<Row>) -> Self {
        Self::Examples(Cow::Owned(rows))
    }
}

impl<'a> From<&'a [TokenRow]> for TrainingData<'a> {
    fn from(rows: &'a [TokenRow]) -> Self {
        Self::Tokens(Cow::Borrowed(rows))
    }
}

impl From<Vec<TokenRow>> for TrainingData<'_> {
    fn from(rows: Vec<TokenRow>) -> Self {
        Self::Tokens(Cow::Owned(rows))
    }
}

impl From<LazyRows> for TrainingData<'_> {
    fn from(rows: LazyRows) -> Self {
        Self::Lazy(rows)
    }
}

/// Rows of a JSON Lines file that are read, rendered and encoded when the loop wants them: for files that do
/// not fit into memory.
///
/// Rows are ordered by their length in bytes instead of tokens. Their tokens are not held in memory; a cache
/// in the run directory keeps them for the next epoch and for a resumed run.
#[derive(Debug)]
pub struct LazyRows {
    /// The file and the places of its rows; it must not change while the run lasts.
    pub index: LineIndex,
    /// What its rows hold.
    pub format: FileFormat,
    /// Use this many rows, drawn by the run's seed; none uses all.
    pub sample: Option<usize>,
}

impl LazyRows {
    /// All rows of a JSON Lines file, whose format its first rows tell.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Lm`] for a file that cannot be read, is no JSON Lines, or has rows of no known format.
    pub fn open(path: &Path) -> Result<Self, FineTuneError> {
        let found = DataSettings {
            format: FormatSetting::Auto,
            ..DataSettings::default()
        };
        Self::open_as(path, found.file_format(path)?)
    }

    /// All rows of a JSON Lines file in a format that is given.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Lm`] for a file that cannot be read or is no JSON Lines.
    pub fn open_as(path: &Path, format: FileFormat) -> Result<Self, FineTuneError> {
        Ok(Self {
            index: LineIndex::new(path)?,
            format,
            sample: None,
        })
    }
}
