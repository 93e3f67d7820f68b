//! Jobs of a model alone: what it is, what it writes and how likely it finds text, and its adapters.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use idiolect_completion::Progress;
use idiolect_data::DataSettings;
use idiolect_generate::GenerationSettings;
use idiolect_lm::rows::{read_prompts, read_scores};
use idiolect_lm::{
    CombineSummary, GenerateRun, GeneratedRow, LanguageModel, MaskedRow, MergeOptions, MergeSummary,
    ModelPrompt, ModelSettings, ModelSummary, RowScore, Shifts, WeightedAdapter, on_threads,
};

use super::writers::LocalModel;
use crate::Error;

/// What is to be shown of a model.
#[derive(Debug, Clone, Default)]
pub struct Inspect {
    /// The model.
    pub model: ModelSettings,
    /// PEFT folder of an adapter that is put on it.
    pub adapter: Option<PathBuf>,
    /// Examples whose loss mask is shown.
    pub data: DataSettings,
    /// How many of them.
    pub rows: usize,
}

/// A model in numbers, and examples with what is trained of them.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The model, with its adapter.
    pub model: ModelSummary,
    /// The first examples.
    pub rows: Vec<MaskedRow>,
}

/// Opens a model and says what it is.
///
/// # Errors
///
/// [`Error::Lm`] and [`Error::Data`] for what cannot be opened, read or encoded.
pub fn inspect(ask: &Inspect, progress: &dyn Progress) -> Result<Inspected, Error> {
    on_threads(ask.model.threads, || {
        let model = LocalModel {
            settings: ask.model.clone(),
            adapter: ask.adapter.clone(),
        };
        let model = model.open(progress)?;
        let mut rows = Vec::new();
        if !ask.data.data.is_empty() {
            for row in ask.data.read_all(42)?.iter().take(ask.rows) {
                let row = model.example_row(row.example.id.clone(), &row.example.messages)?;
                rows.push(model.masked(&row)?);
            }
        }
        Ok(Inspected {
            model: model.summary(),
            rows,
        })
    })
}

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
}

impl Generate {
    /// Continues one prompt and hands over its text as it grows; what was handed over is never taken back.
    ///
    /// # Errors
    ///
    /// [`Error::Lm`] for a model that cannot be opened or asked.
    pub fn stream(
        &self,
        prompt: &str,
        progress: &dyn Progress,
        on_text: &mut (dyn FnMut(&str) -> ControlFlow<()> + Send),
    ) -> Result<(), Error> {
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
    /// [`Error::Lm`] for a file that cannot be read, and a model that cannot be opened or asked.
    pub fn file(&self, prompts: &Path, progress: &dyn Progress) -> Result<Vec<GeneratedRow>, Error> {
        on_threads(self.model.threads, || {
            let rows = read_prompts(prompts)?;
            let model = self.open(progress)?;
            Ok(model.generate_rows(&rows, &self.generation, self.run, progress)?)
        })
    }

    /// Continues one prompt.
    ///
    /// # Errors
    ///
    /// [`Error::Lm`] for a model that cannot be opened or asked.
    pub fn prompt(&self, prompt: &str, progress: &dyn Progress) -> Result<Vec<GeneratedRow>, Error> {
        on_threads(self.model.threads, || {
            let row = idiolect_lm::PromptRow {
                id: 0.into(),
                prompt: ModelPrompt::user(prompt),
            };
            let model = self.open(progress)?;
            Ok(model.generate_rows(&[row], &self.generation, self.run, progress)?)
        })
    }

    fn open(&self, progress: &dyn Progress) -> Result<LanguageModel, Error> {
        let model = LanguageModel::load(&self.model, progress)?;
        Ok(model.load_adapters(&self.adapters)?)
    }
}

/// How likely a model finds the responses of a file, row by row.
///
/// # Errors
///
/// [`Error::Lm`] names the row that cannot be read, encoded or is too long.
pub fn score(
    ask: &Generate,
    data: &Path,
    batch_size: usize,
    progress: &dyn Progress,
) -> Result<Vec<RowScore>, Error> {
    on_threads(ask.model.threads, || {
        let rows = read_scores(data)?;
        let model = ask.open(progress)?;
        let rows = rows.into_iter().map(|row| model.score_row(row));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        Ok(model.score(&rows, batch_size, progress)?)
    })
}

/// Folds an adapter into its model and writes a Hugging Face folder.
///
/// # Errors
///
/// [`Error::Lm`] for what cannot be opened or written.
pub fn merge(
    model: &ModelSettings,
    adapter: &Path,
    out: &Path,
    options: MergeOptions,
    progress: &dyn Progress,
) -> Result<MergeSummary, Error> {
    on_threads(model.threads, || {
        let model = LanguageModel::load(model, progress)?;
        Ok(model.load_adapter(adapter)?.merge(out, options)?)
    })
}

/// Adds up several adapters of one model into a PEFT folder.
///
/// # Errors
///
/// [`Error::Lm`] for what cannot be opened, combined or written.
pub fn combine(
    model: &ModelSettings,
    parts: &[WeightedAdapter],
    out: &Path,
    progress: &dyn Progress,
) -> Result<CombineSummary, Error> {
    on_threads(model.threads, || {
        Ok(LanguageModel::load(model, progress)?.combine(parts, out)?)
    })
}

/// How far an adapter moves its model, two adapters are apart, or another model is from this one.
///
/// # Errors
///
/// [`Error::Setting`] for another number of them; [`Error::Lm`] for what cannot be opened or compared.
pub fn shift(
    model: &ModelSettings,
    adapters: &[PathBuf],
    other: Option<&str>,
    progress: &dyn Progress,
) -> Result<Shifts, Error> {
    on_threads(model.threads, || {
        let base = LanguageModel::load(model, progress)?;
        match (adapters, other) {
            ([adapter], None) => Ok(base.shift_of(&[WeightedAdapter::whole(adapter)])?),
            ([first, second], None) => {
                let first = WeightedAdapter {
                    weight: -1.0,
                    ..WeightedAdapter::whole(first)
                };
                Ok(base.shift_of(&[WeightedAdapter::whole(second), first])?)
            }
            ([], Some(other)) => {
                let other = ModelSettings {
                    model: other.to_owned(),
                    ..model.clone()
                };
                Ok(base.shift_to(&LanguageModel::load(&other, progress)?)?)
            }
            _ => {
                let expected = "one or two of adapter, or other";
                Err(Error::setting("metrics shift", expected, "neither or both"))
            }
        }
    })
}
