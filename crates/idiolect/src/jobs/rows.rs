//! Rows as the jobs take them: the one data set, and how likely a model finds its responses.

use std::collections::HashSet;

use idiolect_completion::Progress;
use idiolect_data::{DataSettings, Dataset, Row};
use idiolect_distill::{ResponseNll, ResponseNlls};
use idiolect_lm::{LanguageModel, RowScore};
use idiolect_tokens::TokenRow;

use crate::Error;

/// Rows that are scored together.
const ROWS: usize = 8;

/// The one data set of the settings, or a sample of it drawn by `seed`.
///
/// # Errors
///
/// [`Error::Data`] names file, row and field, and refuses several data sets and a sample of more rows than there are.
pub fn read_sample(data: &DataSettings, seed: u64) -> Result<Dataset, Error> {
    let path = data.only()?;
    data.check()?;
    let mut set = data.read(path)?;
    if data.sample.is_some() {
        let chosen = data.drawn(set.rows.len(), seed)?.into_iter();
        set.rows = chosen.filter_map(|at| set.rows.get(at).cloned()).collect();
    }
    Ok(set)
}

/// Refuses rows with tools where they are questions, which carry none.
///
/// # Errors
///
/// [`Error::Setting`] names the first such row.
pub(crate) fn refuse_tools(set: &Dataset) -> Result<(), Error> {
    let mut rows = set.rows.iter();
    match rows.find(|row| !row.example.tools.is_empty()) {
        Some(row) => {
            let expected = "rows without tools, which its questions do not carry";
            Err(Error::setting("eval_data", expected, &row.example.id))
        }
        None => Ok(()),
    }
}

/// How likely a model finds the responses of rows, before and after they were rewritten.
///
/// `before` may have more rows than `after`, of which those of the same ids count; none without a reference.
pub(crate) fn response_nlls(
    model: &LanguageModel,
    before: Option<&[Row]>,
    after: &[Row],
    progress: &dyn Progress,
) -> Result<ResponseNlls, Error> {
    let after = model.example_rows(after)?;
    let before = before.map(|rows| model.example_rows(rows)).transpose()?;
    let most = model.max_positions();
    let is_long = |row: &&TokenRow| row.input_ids.len() > most;
    let left: HashSet<String> = after.iter().map(key).collect();
    let all = after.iter().chain(before.iter().flatten());
    let long: HashSet<String> = all.filter(is_long).map(key).collect();
    let scored = |mut rows: Vec<TokenRow>| {
        rows.retain(|row| left.contains(&key(row)) && !long.contains(&key(row)));
        Ok::<_, Error>(mean_nll(&model.score(&rows, ROWS, progress)?))
    };
    Ok(ResponseNlls {
        before: before.map(scored).transpose()?,
        too_long: left.intersection(&long).count(),
        after: scored(after)?,
    })
}

fn key(row: &TokenRow) -> String {
    row.id.to_string()
}

fn mean_nll(scored: &[RowScore]) -> ResponseNll {
    let count = scored.len().max(1) as f64;
    ResponseNll {
        per_token: scored.iter().map(RowScore::per_token).sum::<f64>() / count,
        per_row: scored.iter().map(|row| row.nll).sum::<f64>() / count,
        tokens: scored.iter().map(|row| row.tokens).sum(),
    }
}
