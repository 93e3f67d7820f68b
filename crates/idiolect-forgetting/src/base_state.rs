//! How far a training moved a model: what it learned of held-out responses, and what it forgot of itself.

use std::collections::BTreeMap;
use std::path::Path;

use idiolect_completion::Progress;
use idiolect_data::Row;
use idiolect_lm::{LanguageModel, RowScore};

use crate::{
    BaseAnswers, Forgetting, ForgettingError, ForgettingPlace, ForgettingSettings, PromptRise,
};

/// Rows that are scored together.
const ROWS: usize = 8;

/// What a base model says of itself and of held-out responses. Models that were trained from it are held against it.
#[derive(Debug, Clone)]
pub struct BaseState {
    /// Its own answers; none where forgetting is not measured.
    answers: Option<BaseAnswers>,
    /// Nats per token of the held-out responses.
    held_out: Vec<f64>,
}

impl BaseState {
    /// The name of the fall of each held-out response's nats per token.
    pub const LEARNING: &str = "learning";
    /// The name of the rise of each of the base model's own answers' nats per token.
    pub const FORGETTING: &str = "forgetting";

    /// Has the base model answer prompts, unless the settings ask for none, and scores the held-out responses.
    ///
    /// # Errors
    ///
    /// As [`BaseAnswers::draw`]; [`ForgettingError::Lm`] names a row that cannot be encoded or scored.
    pub fn of(
        base: &LanguageModel,
        held_out: &[Row],
        settings: &ForgettingSettings,
        place: &ForgettingPlace,
        progress: &dyn Progress,
    ) -> Result<Self, ForgettingError> {
        let answers = (settings.prompts(0) > 0)
            .then(|| BaseAnswers::draw(base, settings, place, progress))
            .transpose()?;
        let held_out = per_token(base, held_out, progress)?;
        Ok(Self { answers, held_out })
    }

    /// What a trained model learned of the same held-out responses and forgot, item by item and by name. The numbers of
    /// forgetting are kept in a file, from which another call takes them.
    ///
    /// # Errors
    ///
    /// As [`BaseAnswers::measure`] and [`Forgetting::write`]; [`ForgettingError::Lm`] names a row that cannot be encoded
    /// or scored.
    pub fn moved(
        &self,
        tuned: &LanguageModel,
        held_out: &[Row],
        file: &Path,
        progress: &dyn Progress,
    ) -> Result<BTreeMap<String, Vec<f64>>, ForgettingError> {
        let after = per_token(tuned, held_out, progress)?;
        let both = self.held_out.iter().zip(&after);
        let fall = both.map(|(before, after)| before - after).collect();
        let mut found = BTreeMap::from([(Self::LEARNING.to_owned(), fall)]);
        if let Some(answers) = &self.answers {
            let forgotten = forgotten(answers, tuned, file, progress)?;
            let rises = forgotten.rows.iter().map(PromptRise::per_token).collect();
            found.insert(Self::FORGETTING.to_owned(), rises);
        }
        Ok(found)
    }
}

/// Nats per token of each response.
fn per_token(
    model: &LanguageModel,
    rows: &[Row],
    progress: &dyn Progress,
) -> Result<Vec<f64>, ForgettingError> {
    let scored = model.score(&model.example_rows(rows)?, ROWS, progress)?;
    Ok(scored.iter().map(RowScore::per_token).collect())
}

/// The measurement that an earlier call has left, or a new one.
fn forgotten(
    answers: &BaseAnswers,
    tuned: &LanguageModel,
    file: &Path,
    progress: &dyn Progress,
) -> Result<Forgetting, ForgettingError> {
    if let Some(found) = answers.measured(file) {
        return Ok(found);
    }
    let found = answers.measure(tuned, progress)?;
    found.write(file)?;
    Ok(found)
}
