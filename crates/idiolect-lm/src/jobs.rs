//! Whole jobs of a model alone, from settings: what it is, what it writes and how likely it finds text, and its
//! adapters.

mod chat;
mod generate;

use std::path::{Path, PathBuf};

use idiolect_completion::Progress;
use idiolect_data::{BadRows, DataSettings, SkippedRow};

use crate::rows::{read_scores_with, tell_skipped};
use crate::{
    CombineSummary, LanguageModel, LmError, MaskedRow, MergeOptions, MergeSummary, ModelSettings,
    ModelSummary, RowScore, ScoreRow, Shifts, WeightedAdapter, adapter_folder,
    adapters::check_folders, on_threads,
};

pub use chat::{Chat, ChatSettings, ChatSide};
pub use generate::Generate;

/// What is to be shown of a model.
#[derive(Debug, Clone, Default)]
pub struct Inspect {
    /// The model.
    pub model: ModelSettings,
    /// PEFT folder of an adapter that is put on it.
    pub adapter: Option<PathBuf>,
    /// Examples whose loss mask is shown.
    pub data: DataSettings,
    /// How many of them.
    pub rows: usize,
}

/// A model in numbers, and examples with what is trained of them.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The model, with its adapter.
    pub model: ModelSummary,
    /// The first examples.
    pub rows: Vec<MaskedRow>,
    /// Examples that there are.
    pub of: usize,
}

/// Opens a model and says what it is.
///
/// # Errors
///
/// [`LmError`] for what cannot be opened, read or encoded.
pub fn inspect(ask: &Inspect, progress: &dyn Progress) -> Result<Inspected, LmError> {
    on_threads(ask.model.threads, || {
        let model = LanguageModel::load(&ask.model, progress)?;
        let model = model.load_optional_adapter(ask.adapter.as_deref())?;
        let (mut rows, mut of) = (Vec::new(), 0);
        if !ask.data.data.is_empty() {
            let read = ask.data.read_all_with_skipped(42)?;
            let mut skipped = read.skipped;
            of = read.rows.len();
            for row in &read.rows {
                if rows.len() == ask.rows {
                    break;
                }
                match model.example_row(row.example.id.clone(), &row.example) {
                    Ok(row) => rows.push(model.masked(&row)?),
                    Err(error) if ask.data.bad_rows == BadRows::Skip && error.is_of_row() => {
                        skipped.push(SkippedRow::new(row.example.id.clone(), error.of_row()));
                    }
                    Err(error) => return Err(error),
                }
            }
            tell_skipped(&skipped, progress);
        }
        Ok(Inspected {
            model: model.summary(),
            rows,
            of,
        })
    })
}

/// How likely a model finds the responses of a file, row by row.
///
/// # Errors
///
/// [`LmError`] names the row that cannot be read, encoded or is too long.
pub fn score(
    ask: &Generate,
    data: &Path,
    batch_size: usize,
    progress: &dyn Progress,
) -> Result<Vec<RowScore>, LmError> {
    on_threads(ask.model.threads, || {
        let rows = read_scores_with(data, ask.bad_rows)?;
        let model = ask.open(progress)?;
        let id = |row: &ScoreRow| row.id().clone();
        let kept = rows.map(data, ask.bad_rows, id, |row| {
            let row = model.score_row(row)?;
            model.scorable(&row)?;
            Ok(row)
        })?;
        ask.list(&kept.skipped, progress)?;
        model.score(&kept.rows, batch_size, progress)
    })
}

/// Folds an adapter into its model and writes a Hugging Face folder.
///
/// # Errors
///
/// [`LmError`] for what cannot be opened or written.
pub fn merge(
    model: &ModelSettings,
    adapter: &Path,
    out: &Path,
    options: MergeOptions,
    progress: &dyn Progress,
) -> Result<MergeSummary, LmError> {
    adapter_folder(adapter)?;
    on_threads(model.threads, || {
        let tuned = LanguageModel::load(model, progress)?.load_adapter(adapter)?;
        tuned.merge(out, options)
    })
}

/// Adds up several adapters of one model into a PEFT folder.
///
/// # Errors
///
/// [`LmError`] for what cannot be opened or written.
pub fn combine(
    model: &ModelSettings,
    parts: &[WeightedAdapter],
    out: &Path,
    progress: &dyn Progress,
) -> Result<CombineSummary, LmError> {
    check_folders(parts)?;
    on_threads(model.threads, || {
        LanguageModel::load(model, progress)?.combine(parts, out)
    })
}

/// How far an adapter moves its model, two adapters are apart, or another model is from this one.
///
/// # Errors
///
/// [`LmError::Setting`] for another number of them; [`LmError`] for what cannot be opened or compared.
pub fn shift(
    model: &ModelSettings,
    adapters: &[PathBuf],
    other: Option<&str>,
    progress: &dyn Progress,
) -> Result<Shifts, LmError> {
    on_threads(model.threads, || {
        let base = LanguageModel::load(model, progress)?;
        match (adapters, other) {
            ([adapter], None) => base.shift_of(&[WeightedAdapter::whole(adapter)]),
            ([first, second], None) => {
                let first = WeightedAdapter {
                    weight: -1.0,
                    ..WeightedAdapter::whole(first)
                };
                base.shift_of(&[WeightedAdapter::whole(second), first])
            }
            ([], Some(other)) => {
                let other = ModelSettings {
                    model: other.to_owned(),
                    revision: None,
                    ..model.clone()
                };
                base.shift_to(&LanguageModel::load(&other, progress)?)
            }
            _ => {
                let (name, expected) = ("metrics shift", "one or two of adapter, or other");
                Err(LmError::setting(name, expected, "neither or both"))
            }
        }
    })
}
