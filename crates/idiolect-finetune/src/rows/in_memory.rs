//! Rows of files that are held in memory: examples, or ready rows of tokens.

use idiolect_data::{DataSettings, FileFormat, FormatSetting, SkippedRow};
use idiolect_lm::rows::read_tokens;

use super::data::TrainingData;
use crate::FineTuneError;

/// The rows of data that is held in memory; those that cannot be used go to `skipped`.
pub(crate) fn in_memory<'a>(
    data: &DataSettings,
    seed: u64,
    skipped: &mut Vec<SkippedRow>,
) -> Result<TrainingData<'a>, FineTuneError> {
    if has_tokens(data)? {
        let rows = read_tokens(data.only()?)?;
        if data.sample.is_none() {
            return Ok(rows.into());
        }
        let chosen = data.drawn(rows.len(), seed)?;
        let rows = chosen.into_iter().map(|row| rows[row].clone());
        return Ok(rows.collect::<Vec<_>>().into());
    }
    let read = data.read_all_with_skipped(seed)?;
    *skipped = read.skipped;
    Ok(read.rows.into())
}

/// Whether the rows are ready rows of tokens.
fn has_tokens(data: &DataSettings) -> Result<bool, FineTuneError> {
    if data.format == FormatSetting::Tokens {
        return Ok(true);
    }
    Ok(match data.data.as_slice() {
        [path] => data.file_format(path)? == FileFormat::Tokens,
        _ => false,
    })
}
