//! Rows of a file as the loop takes them: each read, rendered and encoded when it is wanted, or taken from the
//! cache of tokens.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use idiolect_data::{BadRows, FileFormat, RunDir, SkippedRow, sample, split, text_hash};
use idiolect_lm::LanguageModel;
use idiolect_lm::rows::token_row;
use idiolect_tokens::{TokenRow, TruncatedRows};
use idiolect_train::{BoxError, RowSize, Rows};

use super::data::LazyRows;
use super::limit::Limit;
use super::token_cache::{Cached, TokenCache};
use crate::{FineTuneError, FineTuneSettings};

/// Where rows come from, and what becomes of those that cannot be used.
#[derive(Clone, Copy)]
pub(crate) struct LazySource<'a> {
    pub(crate) model: &'a LanguageModel,
    pub(crate) file: &'a LazyRows,
    pub(crate) cache: Option<&'a TokenCache>,
    pub(crate) bad_rows: BadRows,
}

/// Some rows of a file.
pub(crate) struct LazySet<'a> {
    source: LazySource<'a>,
    limit: Limit,
    /// Their numbers in the file, 4 bytes each.
    rows: Vec<u32>,
    left_out: Cell<usize>,
    /// Rows that cannot be used, by their numbers in the file; each once.
    skipped: RefCell<BTreeMap<usize, SkippedRow>>,
    /// Rows that were cut, and of those the ones that lost every trained token, by their numbers.
    cut: RefCell<BTreeMap<usize, bool>>,
}

/// The cache of a file's rows in a run directory, for these settings.
///
/// # Errors
///
/// [`FineTuneError::Setting`] for a length that is none; [`FineTuneError::Io`].
pub(crate) fn cache(
    model: &LanguageModel,
    file: &LazyRows,
    settings: &FineTuneSettings,
    run: &RunDir,
) -> Result<TokenCache, FineTuneError> {
    let Limit {
        max_length,
        truncation,
    } = Limit::new(model, settings)?;
    let decides = format!(
        "{} {:016x} {:?} {max_length} {truncation:?} {} {}",
        env!("CARGO_PKG_VERSION"),
        file.index.fingerprint(),
        file.format,
        model.decoder().config.vocab_size,
        model.text_fingerprint()?,
    );
    std::fs::create_dir_all(&run.root).map_err(FineTuneError::io(&run.root))?;
    TokenCache::open(&run.tokens_cache(), &text_hash(&decides), file.index.len())
}

/// Rows to train on and rows to evaluate.
pub(crate) struct LazySets<'a> {
    pub(crate) rows: LazySet<'a>,
    pub(crate) held_out: LazySet<'a>,
}

impl<'a> LazySet<'a> {
    /// The rows of the sample, and the share of them that is held out.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] for a length that is none.
    pub(crate) fn split(
        source: LazySource<'a>,
        settings: &FineTuneSettings,
        seed: u64,
    ) -> Result<LazySets<'a>, FineTuneError> {
        let LazySource { model, file, .. } = source;
        let limit = Limit::new(model, settings)?;
        let count = file.index.len();
        if let Some(n) = file.sample.filter(|n| *n > count) {
            let rows = file.index.path().display();
            let expected = format!("at most {count}, the rows of {rows}");
            return Err(FineTuneError::setting("sample", expected, n));
        }
        let chosen = file.sample.map(|n| sample(count, n, seed));
        let some = chosen.as_ref().map_or(count, Vec::len);
        let (train, held_out) = split(some, settings.validation_share, seed);
        settings.check_held_out(some, held_out.len())?;
        let place = |row: usize| chosen.as_ref().map_or(row, |chosen| chosen[row]);
        let numbers = |rows: Vec<usize>| {
            let rows = rows.into_iter().map(|row| u32::try_from(place(row)));
            rows.filter_map(Result::ok).collect::<Vec<_>>()
        };
        let set = |rows| Self {
            source,
            limit,
            rows: numbers(rows),
            left_out: Cell::new(0),
            skipped: RefCell::default(),
            cut: RefCell::default(),
        };
        Ok(LazySets {
            rows: set(train),
            held_out: set(held_out),
        })
    }

    /// How often a row was left out for its length, each time that it came up.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out.get()
    }

    /// Rows that cannot be used, those that came up.
    pub(crate) fn skipped(&self) -> Vec<SkippedRow> {
        self.skipped.borrow().values().cloned().collect()
    }

    /// How many rows were cut, each once.
    pub(crate) fn cut(&self) -> usize {
        self.cut.borrow().len()
    }

    /// How many of those lost their last trained token.
    pub(crate) fn lost(&self) -> usize {
        self.cut.borrow().values().filter(|lost| **lost).count()
    }

    /// The tokens of a row of the file, from the cache where they are there; none where it is left out.
    fn cached(&self, number: usize) -> Result<Option<TokenRow>, FineTuneError> {
        let Some(cache) = self.source.cache else {
            return self.fitted(number);
        };
        match cache.get(number)? {
            Cached::Row(row) => Ok(Some(row)),
            Cached::LeftOut => Ok(None),
            Cached::Absent => {
                let row = self.fitted(number)?;
                cache.put(number, row.as_ref())?;
                Ok(row)
            }
        }
    }

    fn fitted(&self, number: usize) -> Result<Option<TokenRow>, FineTuneError> {
        let row = match self.token_row(number) {
            Ok(row) => row,
            Err(FineTuneError::Lm(error))
                if self.source.bad_rows == BadRows::Skip && error.is_of_row() =>
            {
                let skipped = SkippedRow::new(number.into(), error.of_row());
                self.skipped.borrow_mut().insert(number, skipped);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let TruncatedRows {
            mut rows,
            cut,
            lost,
            ..
        } = self.limit.truncate(vec![row])?;
        if !cut.is_empty() {
            self.cut.borrow_mut().insert(number, !lost.is_empty());
        }
        Ok(rows.pop())
    }

    fn token_row(&self, number: usize) -> Result<TokenRow, FineTuneError> {
        let (index, model) = (&self.source.file.index, self.source.model);
        match &self.source.file.format {
            FileFormat::Tokens => {
                let row = token_row(index.path(), number, index.raw(number)?)?;
                Ok(model.checked(row)?)
            }
            FileFormat::Examples(format) => {
                let example = index.row(number, format)?.example;
                Ok(model.example_row(example.id.clone(), &example)?)
            }
            other => {
                let (expected, found) = ("rows of text or of tokens", format!("{other:?}"));
                Err(FineTuneError::setting("format", expected, found))
            }
        }
    }
}

impl Rows for LazySet<'_> {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn size(&self, row: usize) -> RowSize {
        RowSize {
            tokens: self.source.file.index.bytes(self.rows[row] as usize),
            trained_tokens: 1,
        }
    }

    fn sizes_are_exact(&self) -> bool {
        false
    }

    fn row(&self, row: usize) -> Result<Option<Cow<'_, TokenRow>>, BoxError> {
        let row = self.cached(self.rows[row] as usize)?;
        self.left_out
            .set(self.left_out.get() + usize::from(row.is_none()));
        Ok(row.map(Cow::Owned))
    }

    /// That of the file, and of the tokens of its first rows: another template or tokenizer is seen too.
    fn fingerprint(&self) -> String {
        let first = (0..self.count().min(FIRST)).filter_map(|row| self.row(row).ok().flatten());
        let first: Vec<TokenRow> = first.map(Cow::into_owned).collect();
        let (file, tokens) = (self.source.file.index.fingerprint(), first.fingerprint());
        format!("{file:016x}-{tokens}-{}", self.count())
    }
}

/// Rows whose tokens stand in the fingerprint.
const FIRST: usize = 64;
