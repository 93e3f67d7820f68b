//! From examples to rows of tokens: rendered, encoded, made to fit, a share of them held out.

use idiolect::data::{Row, split};
use idiolect::tokens::{Fitted, TokenRow, fit};

use crate::error::CliError;
use crate::keys::TrainKeys;
use crate::opened::Opened;

/// Rows of tokens, and what became of the others.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// Rows to train on.
    pub rows: Vec<TokenRow>,
    /// Rows to evaluate.
    pub held_out: Vec<TokenRow>,
    /// Rows left out for their length.
    pub dropped: usize,
    /// Rows that lost their end.
    pub cut: usize,
}

/// Renders and encodes examples, and holds out the validation share.
///
/// # Errors
///
/// [`CliError::Prompt`] and [`CliError::Tokens`] name the example that cannot be rendered, has no trained
/// token, or is too long.
pub fn prepare(
    opened: &Opened,
    examples: &[Row],
    keys: &TrainKeys,
    seed: u64,
) -> Result<Prepared, CliError> {
    let one = |row: &Row| opened.example_row(row.example.id.clone(), &row.example.messages);
    let rows = examples.iter().map(one).collect::<Result<_, _>>()?;
    Prepared::new(opened, rows, keys, seed)
}

impl Prepared {
    /// Makes rows fit the longest length, and splits them into those to train on and those to evaluate.
    ///
    /// # Errors
    ///
    /// [`CliError::Tokens`] for a row that is too long where that is an error; [`CliError::Setting`] for a
    /// share that is none.
    pub fn new(
        opened: &Opened,
        rows: Vec<TokenRow>,
        keys: &TrainKeys,
        seed: u64,
    ) -> Result<Self, CliError> {
        let (limit, rule) = opened.limit(keys)?;
        let Fitted { rows, dropped, cut } = fit(rows, limit, rule)?;
        let (train, held_out) = split(rows.len(), share(keys)?, seed);
        let mut rows: Vec<Option<TokenRow>> = rows.into_iter().map(Some).collect();
        let mut take = |places: Vec<usize>| -> Vec<TokenRow> {
            places
                .into_iter()
                .filter_map(|i| rows.get_mut(i).and_then(Option::take))
                .collect()
        };
        let (rows, held_out) = (take(train), take(held_out));
        Ok(Self {
            rows,
            held_out,
            dropped: dropped.len(),
            cut: cut.len(),
        })
    }
}

/// The share of the rows that is held out.
///
/// # Errors
///
/// [`CliError::Setting`] for one that is none.
pub fn share(keys: &TrainKeys) -> Result<f64, CliError> {
    let share = keys.validation_share.unwrap_or(0.0);
    if (0.0..1.0).contains(&share) {
        return Ok(share);
    }
    let expected = "at least 0 and below 1";
    Err(CliError::setting("--validation-share", expected, share))
}
