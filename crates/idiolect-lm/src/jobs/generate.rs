//! What a model is to continue, row by row or as a stream.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use idiolect_completion::{Progress, Reasoning, ReplyCounter, taken_out};
use idiolect_data::{BadRows, SkippedRow};
use idiolect_generate::GenerationSettings;
use idiolect_input::counted;

use crate::adapters::check_folders;
use crate::generate::RowModels;
use crate::rows::{RowAdapter, read_prompts_with, tell_skipped};
use crate::{
    GenerateRun, GeneratedRow, LanguageModel, LmError, ModelPrompt, ModelSettings, PromptRow,
    WeightedAdapter, on_threads,
};

/// What a model is to continue, and how.
#[derive(Debug, Clone, Default)]
pub struct Generate {
    /// The model.
    pub model: ModelSettings,
    /// Adapters that are put on it together.
    pub adapters: Vec<WeightedAdapter>,
    /// How text is generated.
    pub generation: GenerationSettings,
    /// Seed of the draws, and whether end tokens are passed over.
    pub run: GenerateRun,
    /// What becomes of rows of a file that cannot be used, or whose prompt leaves no room for the new tokens.
    pub bad_rows: BadRows,
    /// Where those are listed that are left out; without it there is a line for each.
    pub skipped_list: Option<PathBuf>,
    /// What becomes of reasoning (`<think>…</think>`) in the texts of rows; without it they stay whole, as they do
    /// while they are streamed. The tokens stay in any case.
    pub reasoning: Option<Reasoning>,
}

impl Generate {
    /// Continues one prompt and hands over its text as it grows; what was handed over is never taken back.
    ///
    /// # Errors
    ///
    /// [`LmError`] for a model that cannot be opened or asked.
    pub fn stream(
        &self,
        prompt: &str,
        progress: &dyn Progress,
        on_text: &mut (dyn FnMut(&str) -> ControlFlow<()> + Send),
    ) -> Result<(), LmError> {
        on_threads(self.model.threads, || {
            let prompt = ModelPrompt::user(prompt);
            let model = self.open(progress)?;
            model.stream(prompt, &self.generation, self.run, on_text)?;
            Ok(())
        })
    }

    /// Continues every row of a file of prompts; the rows come back in their order.
    ///
    /// # Errors
    ///
    /// [`LmError`] for a file that cannot be read, and a model that cannot be opened or asked.
    pub fn file(
        &self,
        prompts: &Path,
        progress: &dyn Progress,
    ) -> Result<Vec<GeneratedRow>, LmError> {
        on_threads(self.model.threads, || {
            let rows = read_prompts_with(prompts, self.bad_rows)?;
            let model = self.open(progress)?;
            let mut models = RowModels::new(&model);
            let id = |row: &PromptRow| row.id.clone();
            let kept = rows.map(prompts, self.bad_rows, id, |row| {
                models.add(&row, &self.generation)?;
                Ok(row)
            })?;
            self.list(&kept.skipped, progress)?;
            self.rows(&models, &kept.rows, progress)
        })
    }

    /// Continues one prompt.
    ///
    /// # Errors
    ///
    /// [`LmError`] for a model that cannot be opened or asked.
    pub fn prompt(
        &self,
        prompt: &str,
        progress: &dyn Progress,
    ) -> Result<Vec<GeneratedRow>, LmError> {
        on_threads(self.model.threads, || {
            let row = PromptRow {
                id: 0.into(),
                prompt: ModelPrompt::user(prompt),
                adapter: RowAdapter::Given,
            };
            let model = self.open(progress)?;
            self.rows(&RowModels::new(&model), &[row], progress)
        })
    }

    /// Continues rows, and takes their reasoning out where that is asked.
    fn rows(
        &self,
        models: &RowModels<'_>,
        asked: &[PromptRow],
        progress: &dyn Progress,
    ) -> Result<Vec<GeneratedRow>, LmError> {
        let mut rows = models.generate(asked, &self.generation, self.run, progress)?;
        if self.reasoning != Some(Reasoning::Remove) {
            return Ok(rows);
        }
        let counter = ReplyCounter::default();
        for (row, asked) in rows.iter_mut().zip(asked) {
            let model = models.of(asked);
            let is_open = model.is_reasoning_open(&model.prompt_ids(&asked.prompt)?);
            if let Some(rest) = taken_out(&row.text, is_open, &counter) {
                row.text = rest;
            }
        }
        let replies = counter.total();
        let lines = [replies.line(), replies.advice(rows.len() as u64)];
        lines.iter().flatten().for_each(|line| progress.note(line));
        Ok(rows)
    }

    /// Lists the rows that are left out, in a file or a line each.
    pub(super) fn list(
        &self,
        skipped: &[SkippedRow],
        progress: &dyn Progress,
    ) -> Result<(), LmError> {
        match &self.skipped_list {
            Some(list) if !skipped.is_empty() => {
                SkippedRow::write(skipped, list)?;
                let (count, list) = (skipped.len(), list.display());
                progress.note(&format!(
                    "{}: see {list}",
                    counted(
                        count,
                        "row cannot be used and is skipped",
                        "rows cannot be used and are skipped"
                    )
                ));
            }
            _ => tell_skipped(skipped, progress),
        }
        Ok(())
    }

    pub(super) fn open(&self, progress: &dyn Progress) -> Result<LanguageModel, LmError> {
        self.generation.check()?;
        check_folders(&self.adapters)?;
        let model = LanguageModel::load(&self.model, progress)?;
        model.load_adapters(&self.adapters)
    }
}
