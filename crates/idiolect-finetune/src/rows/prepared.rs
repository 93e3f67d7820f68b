//! From examples to rows of tokens in memory: rendered, encoded, made to fit, a share of them held out.

use idiolect_data::{BadRows, Row, SkippedRow, split};
use idiolect_lm::LanguageModel;
use idiolect_tokens::{TokenRow, TruncatedRows};

use super::limit::Limit;
use crate::{FineTuneError, FineTuneSettings};

/// Shown each example with its tokens, before they are made to fit.
pub(crate) type RowHook<'a> = dyn FnMut(&Row, &mut TokenRow) -> Result<(), FineTuneError> + 'a;

/// Rows of tokens, and what became of the others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prepared {
    /// Rows to train on.
    pub(crate) rows: Vec<TokenRow>,
    /// Rows to evaluate.
    pub(crate) held_out: Vec<TokenRow>,
    /// Rows left out for their length.
    pub(crate) dropped: usize,
    /// Rows that lost their end, or a part of each turn.
    pub(crate) cut: usize,
    /// Of those, rows that lost their last trained token.
    pub(crate) lost: usize,
    /// Rows that cannot be used.
    pub(crate) skipped: Vec<SkippedRow>,
}

impl Prepared {
    /// These rows with others to evaluate, and what became of both.
    pub(crate) fn evaluated_on(self, others: Self) -> Self {
        Self {
            rows: self.rows,
            held_out: others.rows,
            dropped: self.dropped + others.dropped,
            cut: self.cut + others.cut,
            lost: self.lost + others.lost,
            skipped: [self.skipped, others.skipped].concat(),
        }
    }

    /// Renders and encodes examples, shows each to `each`, makes them fit and holds out the validation share.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Lm`] names the example that cannot be rendered, has no trained token, or is too long; and
    /// those of `each`.
    pub(crate) fn examples(
        model: &LanguageModel,
        examples: &[Row],
        bad_rows: BadRows,
        settings: &FineTuneSettings,
        (seed, each): (u64, &mut RowHook<'_>),
    ) -> Result<Self, FineTuneError> {
        let (mut rows, mut skipped, mut first) =
            (Vec::with_capacity(examples.len()), Vec::new(), None);
        for own @ Row { line, example, .. } in examples {
            match model.example_row(example.id.clone(), example) {
                Ok(mut row) => {
                    each(own, &mut row)?;
                    rows.push(row);
                }
                Err(error) if bad_rows == BadRows::Skip && error.is_of_row() => {
                    skipped.push(SkippedRow {
                        line: Some(*line),
                        ..SkippedRow::new(example.id.clone(), error.of_row())
                    });
                    first.get_or_insert(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(error) = first.filter(|_| rows.is_empty()) {
            return Err(error.into());
        }
        let prepared = Self::new(model, rows, settings, seed)?;
        Ok(Self {
            skipped,
            ..prepared
        })
    }

    /// Checks ready rows of tokens, makes them fit and holds out the validation share.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Lm`] names the row that has another vocabulary's token or is too long.
    pub(crate) fn tokens(
        model: &LanguageModel,
        rows: &[TokenRow],
        settings: &FineTuneSettings,
        seed: u64,
    ) -> Result<Self, FineTuneError> {
        let checked = rows.iter().map(|row| model.checked(row.clone()));
        let rows = checked.collect::<Result<_, _>>()?;
        Self::new(model, rows, settings, seed)
    }

    fn new(
        model: &LanguageModel,
        rows: Vec<TokenRow>,
        settings: &FineTuneSettings,
        seed: u64,
    ) -> Result<Self, FineTuneError> {
        let TruncatedRows {
            rows,
            dropped,
            cut,
            lost,
        } = Limit::new(model, settings)?.truncate(rows)?;
        let (train, held_out) = split(rows.len(), settings.validation_share, seed);
        settings.check_held_out(rows.len(), held_out.len())?;
        let mut rows: Vec<Option<TokenRow>> = rows.into_iter().map(Some).collect();
        let mut take = |places: Vec<usize>| -> Vec<TokenRow> {
            let places = places.into_iter();
            places
                .filter_map(|i| rows.get_mut(i).and_then(Option::take))
                .collect()
        };
        let (rows, held_out) = (take(train), take(held_out));
        Ok(Self {
            rows,
            held_out,
            dropped: dropped.len(),
            cut: cut.len(),
            lost: lost.len(),
            skipped: Vec::new(),
        })
    }
}
