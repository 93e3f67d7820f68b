//! How far a training moved the model: what it learned of held-out responses, and what it forgot of itself.

use std::collections::BTreeMap;

use idiolect_completion::Progress;
use idiolect_data::{Row, RunDir};
use idiolect_forgetting::{BaseAnswers, Forgetting, PromptRise};
use idiolect_lm::LanguageModel;

use crate::Error;
use crate::jobs::row_nll;

/// The fall of each held-out response's nats per token.
pub(super) const LEARNING: &str = "learning";
/// The rise of each of the base model's own answers' nats per token.
pub(super) const FORGETTING: &str = "forgetting";

/// What the trained models are held against.
pub(super) struct Base {
    /// The base model's own answers; none where forgetting is not measured.
    pub(super) answers: Option<BaseAnswers>,
    /// Nats per token of the held-out responses under the base model.
    pub(super) held_out: Vec<f64>,
}

impl Base {
    /// What a trained model learned and forgot, item by item; the numbers of forgetting are kept in its part of the run.
    pub(super) fn further(
        &self,
        tuned: &LanguageModel,
        run: &RunDir,
        held_out: &[Row],
        progress: &dyn Progress,
    ) -> Result<BTreeMap<String, Vec<f64>>, Error> {
        let after = row_nll(tuned, held_out, progress)?;
        let fall = self
            .held_out
            .iter()
            .zip(&after)
            .map(|(before, after)| before - after);
        let mut found = BTreeMap::from([(LEARNING.to_owned(), fall.collect())]);
        if let Some(answers) = &self.answers {
            let forgotten = forgotten(answers, tuned, run, progress)?;
            let rises = forgotten.rows.iter().map(PromptRise::per_token).collect();
            found.insert(FORGETTING.to_owned(), rises);
        }
        Ok(found)
    }
}

/// The measurement that an earlier call of the job has left, or a new one.
fn forgotten(
    answers: &BaseAnswers,
    tuned: &LanguageModel,
    run: &RunDir,
    progress: &dyn Progress,
) -> Result<Forgetting, Error> {
    let path = run.forgetting();
    if let Some(found) = answers.measured(&path) {
        return Ok(found);
    }
    let found = answers.measure(tuned, progress)?;
    found.write(&path)?;
    Ok(found)
}
