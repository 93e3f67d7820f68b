//! Rows of a JSON Lines file that are read, rendered and encoded when the loop wants them: for files that do
//! not fit into memory.
//!
//! Rows are ordered by their length in bytes instead of tokens.
//! Their tokens are not held in memory; a cache on disk keeps them for the next epoch and for a resumed run.

use std::borrow::Cow;
use std::cell::Cell;
use std::path::Path;

use idiolect::data::{Columns, Format, LineIndex, sample, split};
use idiolect::tokens::{Fitted, Overlong, TokenRow, fit};
use idiolect::train::{BoxError, RowSize, Rows};

use crate::error::CliError;
use crate::identity::text_hash;
use crate::keys::{DataKeys, TrainKeys};
use crate::opened::Opened;
use crate::rows::token_row;
use crate::token_cache::{Kept, TokenCache};
use crate::{dataset, prepared};

/// Size of a file, in bytes, above which its rows are not held in memory unless it is asked for: rows take
/// about ten times their text there.
const LARGE: u64 = 64 << 20;

/// Some rows of a file.
pub struct LazyRows<'a> {
    opened: &'a Opened,
    index: &'a LineIndex,
    cache: Option<&'a TokenCache>,
    format: Format,
    columns: Columns,
    limit: (usize, Overlong),
    /// Their numbers in the file, 4 bytes each.
    rows: Vec<u32>,
    left_out: Cell<usize>,
}

/// Whether the data set of a run is to be read row by row: as it was asked for, else by its size.
///
/// # Errors
///
/// [`CliError::Setting`] where it was asked for and there are several files.
pub fn wanted(keys: &TrainKeys, data: &DataKeys) -> Result<bool, CliError> {
    if keys.lazy == Some(true) {
        return dataset::only(data).map(|_| true);
    }
    let [path] = data.data.as_slice() else {
        return Ok(false);
    };
    let is_lines = path.extension().is_some_and(|ending| ending == "jsonl");
    let bytes = || std::fs::metadata(path).map_or(0, |file| file.len());
    Ok(keys.lazy.is_none() && is_lines && bytes() > LARGE)
}

/// The cache of a file's rows in a run directory, for these settings.
///
/// # Errors
///
/// [`CliError::Setting`] for a length or a rule that is none; [`CliError::Io`].
pub fn cache(
    opened: &Opened,
    index: &LineIndex,
    (keys, data): (&TrainKeys, &DataKeys),
    out: &Path,
) -> Result<TokenCache, CliError> {
    let (limit, rule) = opened.limit(keys)?;
    let decides = format!(
        "{} {:016x} {:?} {:?} {limit} {rule:?} {} {}",
        env!("CARGO_PKG_VERSION"),
        index.fingerprint(),
        dataset::format(data)?,
        dataset::columns(data),
        opened.decoder.config.vocab_size,
        opened.text.fingerprint(),
    );
    std::fs::create_dir_all(out).map_err(CliError::io(out))?;
    let key = text_hash(&decides);
    TokenCache::open(&out.join("tokens.cache"), &key, index.len())
}

impl<'a> LazyRows<'a> {
    /// The rows of the keys' sample, and the share of them that is held out.
    ///
    /// # Errors
    ///
    /// [`CliError::Setting`] for a share, a length or a rule that is none.
    pub fn new(
        opened: &'a Opened,
        (index, cache): (&'a LineIndex, Option<&'a TokenCache>),
        (keys, data): (&TrainKeys, &DataKeys),
        seed: u64,
    ) -> Result<[Self; 2], CliError> {
        let count = index.len();
        let chosen = data.sample.map(|n| sample(count, n, seed));
        let some = chosen.as_ref().map_or(count, Vec::len);
        let (train, held_out) = split(some, prepared::share(keys)?, seed);
        let place = |row: usize| chosen.as_ref().map_or(row, |chosen| chosen[row]);
        let numbers = |rows: Vec<usize>| {
            let rows = rows.into_iter().map(|row| u32::try_from(place(row)));
            rows.filter_map(Result::ok).collect::<Vec<_>>()
        };
        let (format, limit) = (dataset::format(data)?, opened.limit(keys)?);
        let rows = |rows| Self {
            opened,
            index,
            cache,
            format,
            columns: dataset::columns(data),
            limit,
            rows: numbers(rows),
            left_out: Cell::new(0),
        };
        Ok([rows(train), rows(held_out)])
    }

    /// How often a row was left out for its length, each time that it came up.
    pub fn left_out(&self) -> usize {
        self.left_out.get()
    }

    /// The tokens of a row of the file, from the cache where they are there; none where it is left out.
    fn kept(&self, number: usize) -> Result<Option<TokenRow>, CliError> {
        let Some(cache) = self.cache else {
            return self.fitted(number);
        };
        match cache.get(number)? {
            Kept::Row(row) => Ok(Some(row)),
            Kept::LeftOut => Ok(None),
            Kept::Absent => {
                let row = self.fitted(number)?;
                cache.put(number, row.as_ref())?;
                Ok(row)
            }
        }
    }

    fn fitted(&self, number: usize) -> Result<Option<TokenRow>, CliError> {
        let (limit, rule) = self.limit;
        let Fitted { mut rows, .. } = fit(vec![self.token_row(number)?], limit, rule)?;
        Ok(rows.pop())
    }

    fn token_row(&self, number: usize) -> Result<TokenRow, CliError> {
        if self.format == Format::Tokens {
            let row = self.index.raw(number)?;
            return self
                .opened
                .checked(token_row(self.index.path(), number, row)?);
        }
        let row = self.index.row(number, self.format, &self.columns)?;
        self.opened
            .example_row(row.example.id, &row.example.messages)
    }
}

impl Rows for LazyRows<'_> {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn size(&self, row: usize) -> RowSize {
        RowSize {
            tokens: self.index.bytes(self.rows[row] as usize),
            trained_tokens: 1,
        }
    }

    fn known(&self) -> bool {
        false
    }

    fn row(&self, row: usize) -> Result<Option<Cow<'_, TokenRow>>, BoxError> {
        let row = self.kept(self.rows[row] as usize)?;
        self.left_out
            .set(self.left_out.get() + usize::from(row.is_none()));
        Ok(row.map(Cow::Owned))
    }

    /// That of the file, and of the tokens of its first rows: another template or tokenizer is seen too.
    fn fingerprint(&self) -> String {
        let first = (0..self.count().min(FIRST)).filter_map(|row| self.row(row).ok().flatten());
        let first: Vec<TokenRow> = first.map(Cow::into_owned).collect();
        let (file, tokens) = (self.index.fingerprint(), first.fingerprint());
        format!("{file:016x}-{tokens}-{}", self.count())
    }
}

/// Rows whose tokens stand in the fingerprint.
const FIRST: usize = 64;
