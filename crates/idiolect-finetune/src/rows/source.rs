//! Where the rows of a run come from: prepared in memory, or read one at a time.

use idiolect_data::{BadRows, RunDir, SkippedRow, id_text};
use idiolect_lm::LanguageModel;
use idiolect_train::Rows;

use super::data::{LazyRows, TrainingData};
use super::lazy::{LazySet, LazySets, LazySource, cache};
use super::prepared::Prepared;
use crate::{FineTuneError, FineTuneSettings, TrainingEvent};

/// The rows of a run.
#[derive(Clone, Copy)]
pub(crate) struct Sets<'a> {
    /// What is trained on.
    pub(crate) rows: &'a dyn Rows,
    /// What is evaluated.
    pub(crate) held_out: &'a dyn Rows,
}

/// Data with what makes rows of it.
pub(crate) struct RowSource<'a> {
    pub(crate) model: &'a LanguageModel,
    pub(crate) data: &'a TrainingData<'a>,
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
        let given = self.given()?;
        let prepared = self.prepared(self.data)?;
        let prepared = match given {
            Some(given) => prepared.evaluated_on(given),
            None => prepared,
        };
        tell(listener, prepared.dropped, prepared.cut, prepared.lost);
        self.tell_skipped(run, prepared.skipped, listener)?;
        let sets = Sets {
            rows: &prepared.rows,
            held_out: &prepared.held_out,
        };
        then(sets, listener)
    }

    /// The rows that are given to be evaluated.
    fn given(&self) -> Result<Option<Prepared>, FineTuneError> {
        let Some(data) = self.held_out else {
            return Ok(None);
        };
        let given = self.prepared(data)?;
        if given.rows.is_empty() {
            let expected = "at least one row that fits";
            return Err(FineTuneError::setting("eval_data", expected, "none"));
        }
        Ok(Some(given))
    }

    /// Rows in memory.
    fn prepared(&self, data: &TrainingData<'_>) -> Result<Prepared, FineTuneError> {
        let Self {
            model,
            settings,
            seed,
            bad_rows,
            ..
        } = *self;
        match data {
            TrainingData::Set(set) => {
                Prepared::examples(model, &set.rows, bad_rows, settings, seed)
            }
            TrainingData::Examples(rows) => {
                Prepared::examples(model, rows, bad_rows, settings, seed)
            }
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
        let given = self.given()?;
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
