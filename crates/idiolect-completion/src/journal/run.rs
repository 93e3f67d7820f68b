//! The run that a journal belongs to.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use idiolect_data::Id;

use crate::error::CompletionError;
use crate::provenance::{JournalRow, Made, Provenance};
use crate::request::CompletionRequest;
use crate::writer::WriterIdentity;

/// The seed of an id; nothing for an id that the run does not know.
pub type SeedOf<'a> = Box<dyn Fn(&Id) -> Option<u64> + 'a>;

/// The hash of a request's prompt.
pub type HashOf<'a> = Box<dyn Fn(&CompletionRequest) -> String + 'a>;

/// The run that a journal belongs to: what its rows are held against.
pub struct JournalRun<'a> {
    /// What is written, in errors: `rewrites`, `answers`.
    pub stage: &'a str,
    /// Who writes.
    pub writer: WriterIdentity,
    /// How the writer is asked, for rows that say so; empty by default.
    pub form: String,
    /// The seed of every id that the run knows; rows of other ids are refused.
    pub seed: SeedOf<'a>,
    /// The hash of a request's prompt; [`Prompt::sha256`](crate::Prompt::sha256) by default.
    pub prompt_sha256: HashOf<'a>,
}

impl<'a> JournalRun<'a> {
    /// A run without a form, whose prompts are hashed by [`Prompt::sha256`](crate::Prompt::sha256).
    #[must_use]
    pub fn new(
        stage: &'a str,
        writer: WriterIdentity,
        seed: impl Fn(&Id) -> Option<u64> + 'a,
    ) -> Self {
        Self {
            stage,
            writer,
            form: String::new(),
            seed: Box::new(seed),
            prompt_sha256: Box::new(|request| request.prompt.sha256()),
        }
    }

    /// A run of these requests alone: rows of other ids are refused.
    #[must_use]
    pub fn of(stage: &'a str, writer: WriterIdentity, requests: &[CompletionRequest]) -> Self {
        let seed = |request: &CompletionRequest| (request.id.to_string(), request.seed);
        let seeds: HashMap<_, _> = requests.iter().map(seed).collect();
        Self::new(stage, writer, move |id| seeds.get(&id.to_string()).copied())
    }

    /// Refuses a row whose writer, form or seed is not what this run would have; its prompt is not compared.
    ///
    /// # Errors
    ///
    /// [`CompletionError::Differs`].
    pub fn hold<R: JournalRow>(&self, path: &Path, row: &R) -> Result<(), CompletionError> {
        let now = Provenance {
            writer: Some(&self.writer),
            form: Some(&self.form),
            seed: (self.seed)(row.id()),
            prompt_sha256: None,
        };
        refuse_other(path, row, &now)
    }

    /// What makes the completion of a request.
    #[must_use]
    pub fn made(&self, request: &CompletionRequest) -> Made {
        Made {
            id: request.id.clone(),
            writer: self.writer.clone(),
            form: self.form.clone(),
            prompt_sha256: (self.prompt_sha256)(request),
            seed: request.seed,
        }
    }
}

/// Refuses a row that was made otherwise than now.
pub(crate) fn refuse_other<R: JournalRow>(
    path: &Path,
    row: &R,
    now: &Provenance<'_>,
) -> Result<(), CompletionError> {
    match row.provenance().difference::<R>(now).map(Box::new) {
        None => Ok(()),
        Some(difference) => Err(CompletionError::Differs {
            path: path.to_owned(),
            id: row.id().clone(),
            difference,
        }),
    }
}

impl fmt::Debug for JournalRun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalRun")
            .field("stage", &self.stage)
            .field("writer", &self.writer)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}
