//! The model of each row of a prompt file, by the adapter that the row names, and the texts of the rows.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use idiolect_completion::Progress;
use idiolect_generate::{GenerationEvent, GenerationSettings};

use super::{GenerateRun, MixedPrompt, Pace};
use crate::device::in_pool;
use crate::rows::{GeneratedRow, PromptRow, RowAdapter};
use crate::{LanguageModel, LmError};

/// A model, and what rows put on it in the place of what is on it.
pub(crate) struct RowModels<'a> {
    given: &'a LanguageModel,
    base: LanguageModel,
    named: BTreeMap<PathBuf, LanguageModel>,
}

impl<'a> RowModels<'a> {
    /// A model without a row.
    pub(crate) fn new(given: &'a LanguageModel) -> Self {
        Self {
            given,
            base: given.without_adapter(),
            named: BTreeMap::new(),
        }
    }

    /// Puts the adapter that a row names on the model, unless an earlier row has named it, and checks the row's prompt.
    ///
    /// # Errors
    ///
    /// [`LmError::Row`] with what is wrong with the adapter or the prompt.
    pub(crate) fn add(
        &mut self,
        row: &PromptRow,
        settings: &GenerationSettings,
    ) -> Result<(), LmError> {
        self.put_on(row)
            .and_then(|()| self.of(row).check_prompt(&row.prompt, settings))
            .map_err(|error| error.in_row(&row.id))
    }

    fn put_on(&mut self, row: &PromptRow) -> Result<(), LmError> {
        if let RowAdapter::Folder(folder) = &row.adapter
            && !self.named.contains_key(folder)
        {
            let model = self.given.load_adapter(folder)?;
            self.named.insert(folder.clone(), model);
        }
        Ok(())
    }

    /// The model that continues a row, which [`RowModels::add`] must have seen.
    pub(crate) fn of(&self, row: &PromptRow) -> &LanguageModel {
        match &row.adapter {
            RowAdapter::Given => self.given,
            RowAdapter::Base => &self.base,
            RowAdapter::Folder(folder) => self.named.get(folder).unwrap_or(self.given),
        }
    }

    /// Continues the rows, and tells how far it is.
    pub(crate) fn generate(
        &self,
        rows: &[PromptRow],
        settings: &GenerationSettings,
        run: GenerateRun,
        progress: &dyn Progress,
    ) -> Result<Vec<GeneratedRow>, LmError> {
        let prompt = |row: &PromptRow| MixedPrompt {
            model: self.of(row),
            prompt: row.prompt.clone(),
        };
        let prompts: Vec<_> = rows.iter().map(prompt).collect();
        progress.begin("generate", rows.len());
        let mut count = |event: GenerationEvent<'_>| {
            if let GenerationEvent::Done(_) = event {
                progress.advance(1);
            }
            ControlFlow::Continue(())
        };
        let done = in_pool(|| LanguageModel::generate_mixed(&prompts, settings, run, &mut count))?;
        progress.end();
        let mut pace = Pace::default();
        pace.add(&done);
        pace.tell(progress);
        let ids = rows.iter().map(|row| row.id.clone());
        let rows = ids.zip(done);
        Ok(rows.map(|(id, done)| GeneratedRow::new(id, done)).collect())
    }
}

impl LanguageModel {
    /// Continues the rows of a prompt file, each through the adapter that it names, and tells how far it is.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::generate`], and [`LmError::Row`] for a row whose adapter cannot be put on the model, or whose
    /// prompt cannot be continued.
    pub fn generate_rows(
        &self,
        rows: &[PromptRow],
        settings: &GenerationSettings,
        run: GenerateRun,
        progress: &dyn Progress,
    ) -> Result<Vec<GeneratedRow>, LmError> {
        let mut models = RowModels::new(self);
        rows.iter().try_for_each(|row| models.add(row, settings))?;
        models.generate(rows, settings, run, progress)
    }
}
