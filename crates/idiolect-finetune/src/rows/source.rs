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
        let prepared = match self.data {
            TrainingData::Lazy(file) => return self.lazy(file, run, listener, then),
            TrainingData::Set(set) => self.examples(&set.rows)?,
            TrainingData::Examples(rows) => self.examples(rows)?,
            TrainingData::Tokens(rows) => {
                Prepared::tokens(self.model, rows, self.settings, self.seed)?
            }
        };
        tell(listener, prepared.dropped, prepared.cut, prepared.lost);
        self.tell_skipped(run, prepared.skipped, listener)?;
        let sets = Sets {
            rows: &prepared.rows,
            held_out: &prepared.held_out,
        };
        then(sets, listener)
    }

    fn examples(&self, rows: &[idiolect_data::Row]) -> Result<Prepared, FineTuneError> {
        Prepared::examples(self.model, rows, self.bad_rows, self.settings, self.seed)
    }

    /// Lists the rows that cannot be used in the run directory, and tells of them.
    fn tell_skipped<L: FnMut(TrainingEvent) + ?Sized>(
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
        let sets = Sets {
            rows: &rows,
            held_out: &held_out,
        };
        let done = then(sets, listener)?;
        tell(listener, rows.left_out(), rows.cut(), rows.lost());
        let skipped = [rows.skipped(), held_out.skipped()].concat();
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
