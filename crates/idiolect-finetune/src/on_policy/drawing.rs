//! The answers of a step: drawn, judged, and given their contexts.

use idiolect_completion::GenerationSettings;
use idiolect_data::id_text;
use idiolect_input::counted;
use idiolect_lm::LanguageModel;
use idiolect_lora::{Checkpointing, LoraAdapter};
use idiolect_train::{BoxError, StepStart, TeacherLoss};

use super::answers::{AnswerSource, Asked, DrawnAnswer};
use super::batch::{Batch, Context, Drawn};
use super::groups::{Judged, Reward};
use super::prompts::{Prompts, asked_otherwise};
use super::teaching::TeachingSettings;
use crate::FineTuneError;

/// What stays the same through a run.
pub(super) struct Teaching<'a> {
    /// The model without an adapter.
    pub(super) model: &'a LanguageModel,
    pub(super) checkpointing: Checkpointing,
    pub(super) prompts: &'a Prompts,
    pub(super) settings: &'a TeachingSettings,
    pub(super) generation: &'a GenerationSettings,
    pub(super) loss: TeacherLoss,
    /// Rows of a micro-batch.
    pub(super) batch_size: usize,
    pub(super) seed: u64,
}

/// A source that gives another number of answers than it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("step {step}: expected {}, found {found}", counted(*expected, "answer of at least one token", "answers of at least one token each"))]
struct AnswerCount {
    step: usize,
    expected: usize,
    found: usize,
}

impl Teaching<'_> {
    /// The answers to the prompts of a step.
    pub(super) fn draw(
        &self,
        start: &StepStart<'_, LoraAdapter>,
        source: &mut dyn AnswerSource,
    ) -> Result<Vec<Drawn>, BoxError> {
        let step = start.step;
        let rollouts = 0..self.settings.rollouts;
        let places = start.window.batches.iter().flatten();
        let places: Vec<(usize, usize)> = places
            .flat_map(|prompt| rollouts.clone().map(|rollout| (*prompt, rollout)))
            .collect();
        let prompts = places
            .iter()
            .map(|(prompt, _)| self.prompts.rows[*prompt].student.clone());
        let prompts: Vec<Vec<u32>> = prompts.collect();
        let model = self.model.with_adapter(start.module)?;
        let answers = source.answer(&Asked {
            step,
            model: &model,
            prompts: &prompts,
            generation: self.generation,
            // Seeds of a run and its steps that meet no other's.
            seed: self.seed.rotate_left(32) ^ step as u64,
        })?;
        let whole = |answer: &&DrawnAnswer| !answer.token_ids.is_empty();
        let (expected, found) = (prompts.len(), answers.iter().filter(whole).count());
        if found != expected || answers.len() != expected {
            return Err(AnswerCount {
                step,
                expected,
                found,
            }
            .into());
        }
        let drawn = places.into_iter().zip(answers);
        let drawn = drawn.map(|((prompt, rollout), answer)| Drawn {
            prompt,
            rollout,
            answer,
            judged: None,
            context: Context::default(),
            old: Vec::new(),
            found: Vec::new(),
        });
        Ok(drawn.collect())
    }

    /// Answers with what each one's teacher is shown, in micro-batches.
    pub(super) fn batch_of(
        &self,
        step: usize,
        mut drawn: Vec<Drawn>,
        reward: Option<&(dyn Reward + Send + '_)>,
    ) -> Result<Batch, BoxError> {
        if let Some(reward) = reward {
            for own in drawn.iter_mut().filter(|own| own.judged.is_none()) {
                own.judged = Some(self.judged(step, own, reward)?);
            }
            for group in drawn.chunks_mut(self.settings.rollouts) {
                self.show(group)?;
            }
        }
        let skip = self.settings.skip_tokens;
        Ok(Batch::new(step, drawn, self.batch_size, skip))
    }

    fn judged(
        &self,
        step: usize,
        drawn: &Drawn,
        reward: &(dyn Reward + Send + '_),
    ) -> Result<Judged, BoxError> {
        let row = &self.prompts.rows[drawn.prompt];
        let example = row.example.as_ref().ok_or("a row without its example")?;
        let judged = reward.reward(example, &drawn.answer.text)?;
        if judged.reward.is_finite() {
            return Ok(judged);
        }
        let name = format!("step {step}, reward of row {}", id_text(&row.id));
        let error = FineTuneError::setting(name, "a finite number", judged.reward);
        Err(error.into())
    }

    /// Gives the answers of a group their contexts. One that does not fit masks its answer.
    fn show(&self, group: &mut [Drawn]) -> Result<(), BoxError> {
        let groups = &self.settings.groups;
        let judged: Vec<&Judged> = group.iter().filter_map(|own| own.judged.as_ref()).collect();
        let mut contexts = Vec::with_capacity(group.len());
        for (own, shown) in group.iter().zip(groups.shown(&judged)) {
            let example = self.prompts.rows[own.prompt].example.as_ref();
            let (Some(shown), Some(example)) = (shown, example) else {
                contexts.push(Context::Masked);
                continue;
            };
            let solution = shown.solution.map(|at| group[at].answer.text.as_str());
            let feedback = own.judged.as_ref().and_then(|own| own.feedback.as_deref());
            let feedback = feedback.filter(|_| shown.feedback);
            let question = groups.question(example.instruction(), solution, feedback);
            let prompt = asked_otherwise(self.model, example, &question)?;
            let fits = prompt.len() + own.answer.token_ids.len() <= self.prompts.max_length;
            contexts.push(if fits {
                Context::Own(prompt)
            } else {
                Context::Masked
            });
        }
        for (own, context) in group.iter_mut().zip(contexts) {
            own.context = context;
        }
        Ok(())
    }
}
