//! The one journal of completions: which of them it has, whether they are this run's, and the writing of those
//! that it lacks.
//!
//! Only the places of its rows are held in memory, so that a journal may be longer than memory.

mod answer;
mod file;
mod run;
mod window;

use std::path::Path;

pub use answer::AnswerRow;
pub use run::{HashOf, JournalRun, SeedOf};

use idiolect_data::Id;

use crate::error::{CompletionError, Unpaired};
use crate::provenance::{JournalRow, Made};
use crate::request::{Completion, CompletionRequest};
use crate::writer::{BoxError, Writer};
use file::RowFile;
use run::refuse_other;
use window::Window;

/// A journal of completions that is open: rows `R`, one for each id.
#[derive(Debug)]
pub struct CompletionJournal<'a, R> {
    run: JournalRun<'a>,
    file: RowFile<R>,
    /// Texts that were asked for so far.
    asked: usize,
}

impl<'a, R: JournalRow> CompletionJournal<'a, R> {
    /// Opens a journal or begins one, with the folders above it, and holds every row against the run.
    ///
    /// A last row that was torn when the process was killed is cut off.
    /// Prompts are held against the requests later, in [`Self::complete`].
    ///
    /// # Errors
    ///
    /// [`CompletionError::Data`]; [`CompletionError::Unpaired`] for ids that stand twice, and for those that
    /// the run does not know; [`CompletionError::Differs`] for the row of another writer, form or seed.
    pub fn open(path: &Path, run: JournalRun<'a>) -> Result<Self, CompletionError> {
        let mut file = RowFile::open(path)?;
        let (mut unpaired, mut differs) = (Unpaired::default(), None);
        file.scan(|row: R, is_new| {
            let (id, seed) = (row.id(), (run.seed)(row.id()));
            if !is_new && !unpaired.repeated.contains(id) {
                unpaired.repeated.push(id.clone());
            }
            if seed.is_none() {
                unpaired.extra.push(id.clone());
            }
            differs = differs.take().or_else(|| run.hold(path, &row).err());
        })?;
        unpaired.check(path.display())?;
        differs.map_or(Ok(()), Err)?;
        let asked = 0;
        Ok(Self { run, file, asked })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Texts that it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.file.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it has the text of this id.
    #[must_use]
    pub fn has(&self, id: &Id) -> bool {
        self.file.has(id)
    }

    /// The row of an id, read from the file.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Data`].
    pub fn get(&mut self, id: &Id) -> Result<Option<R>, CompletionError> {
        Ok(self.file.get(id)?)
    }

    /// The row of an id that must be there.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Data`]; [`CompletionError::Unpaired`] where it is missing.
    pub fn row(&mut self, id: &Id) -> Result<R, CompletionError> {
        let row = self.get(id)?;
        row.ok_or_else(|| CompletionError::Unpaired {
            origin: self.path().display().to_string(),
            missing: vec![id.clone()],
            extra: vec![],
            repeated: vec![],
        })
    }

    /// All rows, in the order of the file.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Data`].
    pub fn rows(&mut self) -> Result<Vec<R>, CompletionError> {
        let mut rows = Vec::with_capacity(self.len());
        self.file.scan(|row, _| rows.push(row))?;
        Ok(rows)
    }

    /// Writes the journal anew with other rows, whole or not at all: for rows that hold more than the text,
    /// such as a verdict on it.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Data`].
    pub fn replace(&mut self, rows: &[R]) -> Result<(), CompletionError> {
        Ok(self.file.replace(rows)?)
    }

    /// What makes the completion of a request in this run.
    #[must_use]
    pub fn made(&self, request: &CompletionRequest) -> Made {
        self.run.made(request)
    }

    /// Refuses a row whose writer, form, seed or prompt is not what this run would have.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Differs`].
    pub fn hold(&self, row: &R, request: &CompletionRequest) -> Result<(), CompletionError> {
        refuse_other(self.path(), row, &self.made(request).provenance())
    }

    /// Has the texts written that the journal lacks; each is appended and synced as it comes.
    ///
    /// The requests are one window of a longer run or all of it. Those that the journal has are held against
    /// it and given to the writer marked as done, so that a resumed run gives it the same requests.
    /// `row` makes the journal's row of a completion.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Differs`] for a row that another prompt gave; [`CompletionError::Writer`];
    /// [`CompletionError::Unpaired`] for requests with the same id, and where the writer left out a text,
    /// wrote one twice or one that nobody asked for; [`CompletionError::Data`] where the journal cannot be
    /// written; and the errors of `row`.
    pub fn complete<E: From<CompletionError>>(
        &mut self,
        mut requests: Vec<CompletionRequest>,
        writer: &mut dyn Writer,
        row: &mut dyn FnMut(Made, Completion) -> Result<R, E>,
    ) -> Result<(), E> {
        self.mark_done(&mut requests)?;
        self.asked += requests.len();
        let mut window = Window::new(&requests)?;
        if window.is_complete() {
            return Ok(());
        }
        let mut own = None;
        let written = writer.complete(&requests, &mut |completion| {
            let taken = self.take(&mut window, completion, row);
            taken.map_err(|error| {
                own = Some(error);
                BoxError::from("the text was not taken")
            })
        });
        own.map_or(Ok(()), Err)?;
        let missing = window.missing();
        written.map_err(|source| CompletionError::Writer {
            stage: self.run.stage.to_owned(),
            done: self.asked - missing.len(),
            asked: self.asked,
            source,
        })?;
        let unpaired = Unpaired {
            missing,
            ..Unpaired::default()
        };
        Ok(unpaired.check("the writer")?)
    }

    /// [`Self::complete`], and then the rows of all requests in their order.
    ///
    /// # Errors
    ///
    /// As [`Self::complete`].
    pub fn finish<E: From<CompletionError>>(
        &mut self,
        requests: Vec<CompletionRequest>,
        writer: &mut dyn Writer,
        row: &mut dyn FnMut(Made, Completion) -> Result<R, E>,
    ) -> Result<Vec<R>, E> {
        let ids: Vec<Id> = requests.iter().map(|request| request.id.clone()).collect();
        self.complete(requests, writer, row)?;
        ids.iter().map(|id| Ok(self.row(id)?)).collect()
    }

    /// Marks the requests that the journal has, each held against its row.
    fn mark_done(&mut self, requests: &mut [CompletionRequest]) -> Result<(), CompletionError> {
        for request in requests {
            let row = self.get(&request.id)?;
            if let Some(row) = &row {
                self.hold(row, request)?;
            }
            request.done = row.is_some();
        }
        Ok(())
    }

    fn take<E: From<CompletionError>>(
        &mut self,
        window: &mut Window<'_>,
        completion: Completion,
        row: &mut dyn FnMut(Made, Completion) -> Result<R, E>,
    ) -> Result<(), E> {
        let Some(request) = window.take(&completion.id)? else {
            return Ok(());
        };
        let row = row(self.made(request), completion)?;
        self.file.append(&row).map_err(CompletionError::from)?;
        Ok(())
    }
}
