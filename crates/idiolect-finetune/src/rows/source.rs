//! Where the rows of a run come from: prepared in memory, or read one at a time.

use std::path::PathBuf;

use idiolect_data::{BadRows, Row, RunDir, SkippedRow, id_text, write_json};
use idiolect_lm::LanguageModel;
use idiolect_tokens::{IGNORE, TokenRow};
use idiolect_train::Rows;

use super::data::{LazyRows, TrainingData};
use super::lazy::{LazySet, LazySets, LazySource, cache};
use super::place::placed;
use super::prepared::Prepared;
use super::stored::{Pairing, StoredCount};
use crate::loss::{Loss, StoredDistributions};
use crate::{FineTuneError, FineTuneSettings, TrainingEvent};

/// The rows of a run.
#[derive(Clone, Copy)]
pub(crate) struct Sets<'a> {
    /// What is trained on.
    pub(crate) rows: &'a dyn Rows,
    /// What is evaluated.
    pub(crate) held_out: &'a dyn Rows,
    /// What rows are paired with, where the loss asks for that.
    pub(crate) stored: Option<&'a StoredDistributions>,
}

/// Data with what makes rows of it.
pub(crate) struct RowSource<'a> {
    pub(crate) model: &'a LanguageModel,
    pub(crate) data: &'a TrainingData<'a>,
    /// The files that it was read from, where they are known.
    pub(crate) files: &'a [PathBuf],
    /// What is evaluated; none where a share of `data` is, or nothing.
    pub(crate) held_out: Option<&'a TrainingData<'a>>,
    pub(crate) settings: &'a FineTuneSettings,
    pub(crate) seed: u64,
    pub(crate) bad_rows: BadRows,
    /// Rows that were left out when the data was read.
    pub(crate) skipped: &'a [SkippedRow],
}

impl RowSource<'_> {
    /// Passes the rows on, and tells of those that were too long. Tokens of rows that are read one at a time
    /// are kept in the run directory, where there is one.
    ///
    /// # Errors
    ///
    /// Those of rows that cannot be made, and of `then`.
    pub(crate) fn read<T, L: FnMut(TrainingEvent) + ?Sized>(
        &self,
        run: Option<&RunDir>,
        listener: &mut L,
        then: impl FnOnce(Sets<'_>, &mut L) -> Result<T, FineTuneError>,
    ) -> Result<T, FineTuneError> {
        if let TrainingData::Lazy(file) = self.data {
            return self.lazy(file, run, listener, then);
        }
        let mut pairing = self.pairing();
        let given = self.given(pairing.as_mut())?;
        let prepared = self.prepared(self.data, self.files, pairing.as_mut())?;
        let prepared = match given {
            Some(given) => prepared.evaluated_on(given),
            None => prepared,
        };
        tell(listener, prepared.dropped, prepared.cut, prepared.lost);
        tell_empty(self.model, [&prepared.rows, &prepared.held_out], listener);
        self.tell_skipped(run, prepared.skipped, listener)?;
        let stored = pairing.map(Pairing::found);
        if stored.is_some() {
            tell_stored(run, [&prepared.rows, &prepared.held_out], listener)?;
        }
        let sets = Sets {
            rows: &prepared.rows,
            held_out: &prepared.held_out,
            stored: stored.as_ref(),
        };
        then(sets, listener)
    }

    /// The rows that are given to be evaluated.
    fn given(&self, pairing: Option<&mut Pairing<'_>>) -> Result<Option<Prepared>, FineTuneError> {
        let Some(data) = self.held_out else {
            return Ok(None);
        };
        let file = match data {
            TrainingData::Set(set) => Some(set.path.clone()),
            _ => self.settings.eval_data.clone(),
        };
        let files: Vec<PathBuf> = file.into_iter().collect();
        let given = self.prepared(data, &files, pairing)?;
        if given.rows.is_empty() {
            let expected = "at least one row that fits";
            return Err(FineTuneError::setting("eval_data", expected, "none"));
        }
        Ok(Some(given))
    }

    /// Pairs rows with stored distributions, where the loss asks for that.
    fn pairing(&self) -> Option<Pairing<'_>> {
        (self.settings.loss == Loss::StoredKl).then(|| Pairing::new(self.model))
    }

    /// Rows in memory, of these files.
    fn prepared(
        &self,
        data: &TrainingData<'_>,
        files: &[PathBuf],
        mut pairing: Option<&mut Pairing<'_>>,
    ) -> Result<Prepared, FineTuneError> {
        let Self {
            model,
            settings,
            seed,
            bad_rows,
            ..
        } = *self;
        let mut each = |row: &Row, tokens: &mut TokenRow| match &mut pairing {
            Some(pairing) => pairing.pair(files, row, tokens),
            None => Ok(()),
        };
        let mut examples = |rows: &[Row], files: &[PathBuf]| {
            let made = Prepared::examples(model, rows, bad_rows, settings, (seed, &mut each));
            made.map_err(|error| placed(error, rows, files))
        };
        match data {
            TrainingData::Set(set) => examples(&set.rows, std::slice::from_ref(&set.path)),
            TrainingData::Examples(rows) => examples(rows, files),
            TrainingData::Tokens(rows) => Prepared::tokens(model, rows, settings, seed),
            TrainingData::Lazy(_) => {
                let expected = "rows that are held in memory";
                Err(FineTuneError::setting("held_out", expected, "lazy rows"))
            }
        }
    }

    /// Lists the rows that cannot be used in the run directory, and tells of them.
    pub(crate) fn tell_skipped<L: FnMut(TrainingEvent) + ?Sized>(
        &self,
        run: Option<&RunDir>,
        more: Vec<SkippedRow>,
        listener: &mut L,
    ) -> Result<(), FineTuneError> {
        let mut all = match self.data {
            TrainingData::Set(set) => set.skipped.clone(),
            _ => self.skipped.to_vec(),
        };
        all.extend(more);
        let Some(first) = all.first() else {
            return Ok(());
        };
        let list = run.map(RunDir::skipped);
        if let Some(list) = &list {
            std::fs::create_dir_all(list.parent().unwrap_or(list))
                .map_err(FineTuneError::io(list))?;
            SkippedRow::write(&all, list)?;
        }
        let line = first
            .line
            .map_or_else(String::new, |line| format!(" (line {line})"));
        listener(TrainingEvent::RowsSkipped {
            rows: all.len(),
            first: format!("row {}{line}: {}", id_text(&first.id), first.problem),
            list,
        });
        Ok(())
    }

    fn lazy<T, L: FnMut(TrainingEvent) + ?Sized>(
        &self,
        file: &LazyRows,
        run: Option<&RunDir>,
        listener: &mut L,
        then: impl FnOnce(Sets<'_>, &mut L) -> Result<T, FineTuneError>,
    ) -> Result<T, FineTuneError> {
        if self.settings.loss == Loss::StoredKl {
            let expected = "false beside the loss stored-kl";
            return Err(FineTuneError::setting("lazy", expected, "true"));
        }
        let given = self.given(None)?;
        let (model, settings) = (self.model, self.settings);
        let cache = run.map(|run| cache(model, file, settings, run));
        let cache = cache.transpose()?;
        let LazySets { rows, held_out } = LazySet::split(
            LazySource {
                model,
                file,
                cache: cache.as_ref(),
                bad_rows: self.bad_rows,
            },
            settings,
            self.seed,
        )?;
        let evaluated: &dyn Rows = match &given {
            Some(given) => &given.rows,
            None => &held_out,
        };
        let sets = Sets {
            rows: &rows,
            held_out: evaluated,
            stored: None,
        };
        let done = then(sets, listener)?;
        let given = given.unwrap_or_default();
        tell(
            listener,
            rows.left_out() + given.dropped,
            rows.cut() + given.cut,
            rows.lost() + given.lost,
        );
        let skipped = [rows.skipped(), held_out.skipped(), given.skipped].concat();
        self.tell_skipped(run, skipped, listener)?;
        Ok(done)
    }
}

/// Tells how many rows and tokens have a stored distribution, and leaves that in the run directory.
fn tell_stored<L: FnMut(TrainingEvent) + ?Sized>(
    run: Option<&RunDir>,
    sets: [&Vec<TokenRow>; 2],
    listener: &mut L,
) -> Result<(), FineTuneError> {
    let mut count = StoredCount::default();
    for rows in sets {
        count.add(rows);
    }
    if count.tokens == 0 {
        let expected = "rows with stored distributions (idiolect distill --logprobs 20)";
        return Err(FineTuneError::setting("loss", expected, "none"));
    }
    if let Some(run) = run {
        std::fs::create_dir_all(&run.root).map_err(FineTuneError::io(&run.root))?;
        write_json(&run.stored(), &count)?;
    }
    listener(TrainingEvent::Stored(count));
    Ok(())
}

/// Tells of rows of which nothing is trained but tokens that end a response.
fn tell_empty<L: FnMut(TrainingEvent) + ?Sized>(
    model: &LanguageModel,
    sets: [&[TokenRow]; 2],
    listener: &mut L,
) {
    let ends: Vec<i64> = model.stop_tokens().into_iter().map(i64::from).collect();
    let is_empty = |row: &&TokenRow| {
        let mut trained = row.labels.iter().filter(|label| **label != IGNORE);
        row.trained_tokens() > 0 && trained.all(|label| ends.contains(label))
    };
    let mut empty = sets.into_iter().flatten().filter(is_empty);
    if let Some(first) = empty.next() {
        listener(TrainingEvent::ResponsesEmpty {
            rows: 1 + empty.count(),
            first: id_text(&first.id),
        });
    }
}

fn tell<L: FnMut(TrainingEvent) + ?Sized>(
    listener: &mut L,
    dropped: usize,
    cut: usize,
    lost: usize,
) {
    if dropped + cut > 0 {
        listener(TrainingEvent::RowsTruncated { dropped, cut, lost });
    }
}
