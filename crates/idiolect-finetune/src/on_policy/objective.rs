//! A step of on-policy self-distillation: answers of the student as it is, their teacher's word at each token, and the
//! loss between both.

use std::cell::RefCell;
use std::collections::BTreeMap;

use idiolect_lm::batch::{TrainedTokens, adapter_batch, trained_hidden};
use idiolect_lora::{LoraAdapter, adapter_gradients};
use idiolect_model::{Adapter, NoAdapter};
use idiolect_tokens::{TokenBatch, TokenRow};
use idiolect_train::{
    BoxError, CHUNK_ROWS, Evaluated, LossSum, Objective, StepContext, StepLoss, StepRows,
    StepStart, TaughtHead, TeacherHead, teacher_head_loss,
};

use super::answers::AnswerSource;
use super::batch::Batch;
use super::choices::{AveragedOver, TeacherKind};
use super::drawing::Teaching;
use super::groups::Reward;
use super::journal::{About, AnswerJournal};
use super::statistics;
use crate::FineTuneError;
use crate::loss::even;

/// What changes from step to step.
pub(super) struct State<'a> {
    pub(super) source: Box<dyn AnswerSource + Send + 'a>,
    /// Judges answers; none where the data set's responses are the context.
    pub(super) reward: Option<Box<dyn Reward + Send + 'a>>,
    pub(super) journal: Option<AnswerJournal>,
    /// The teacher's adapter, off the tape; none for the model alone.
    pub(super) teacher: Option<LoraAdapter>,
    pub(super) batch: Batch,
}

/// Rows and loss of each step of a run.
pub(super) struct Steps<'a> {
    pub(super) fixed: Teaching<'a>,
    pub(super) state: RefCell<State<'a>>,
}

impl Teaching<'_> {
    /// The step in which the answers of a step were drawn.
    fn drawn_at(&self, step: usize) -> usize {
        let updates = self.settings.updates_per_batch;
        (step - 1) / updates * updates + 1
    }

    /// Whether further updates need the log-probabilities of the first.
    fn keeps_old(&self) -> bool {
        self.settings.updates_per_batch > 1
    }

    /// What each trained token of a micro-batch counts in the mean of a step.
    fn shares(&self, batch: &Batch, place: usize, step: StepContext, tokens: usize) -> Vec<f64> {
        match self.settings.averaged_over {
            AveragedOver::Answers => batch.answer_shares(place, self.settings.skip_tokens),
            AveragedOver::Tokens => vec![step.divisor.recip(); tokens],
        }
    }

    /// Hidden states of the teacher at the positions of the answers' trained tokens.
    fn teacher_hidden(&self, state: &State<'_>, place: usize) -> burn::tensor::Tensor<2> {
        let decoder = self.model.base_decoder();
        let batch = state
            .batch
            .teacher_batch(place, self.prompts, self.settings.skip_tokens);
        let batch = &*even(&batch, &decoder.device());
        let positions = TrainedTokens::new(batch).positions;
        let batch = adapter_batch(decoder, batch, positions, 0);
        let adapter: &dyn Adapter = match &state.teacher {
            Some(adapter) => adapter,
            None => &NoAdapter,
        };
        trained_hidden(decoder, adapter, &batch)
    }
}

impl State<'_> {
    /// Takes the teacher of a step from the student as the step finds it.
    fn take_teacher(&mut self, kind: TeacherKind, start: &StepStart<'_, LoraAdapter>) {
        match kind {
            TeacherKind::Live => self.teacher = Some(start.module.clone().frozen()),
            TeacherKind::Ema => self.teacher = start.average.cloned().map(LoraAdapter::frozen),
            TeacherKind::Off | TeacherKind::Original => {}
        }
    }

    fn resume(&mut self, done: usize) -> Result<(), FineTuneError> {
        match &mut self.journal {
            Some(journal) => journal.resume(done),
            None => Ok(()),
        }
    }
}

impl StepRows<LoraAdapter> for Steps<'_> {
    fn resume(&self, done: usize) -> Result<(), BoxError> {
        Ok(self.state.borrow_mut().resume(done)?)
    }

    fn begin(&self, start: StepStart<'_, LoraAdapter>) -> Result<Vec<Vec<TokenRow>>, BoxError> {
        let (fixed, state) = (&self.fixed, &mut *self.state.borrow_mut());
        state.take_teacher(fixed.settings.teacher, &start);
        let drawn_at = fixed.drawn_at(start.step);
        if state.batch.step != drawn_at {
            let drawn = match &state.journal {
                Some(journal) if drawn_at < start.step => journal.drawn_at(drawn_at)?,
                _ => fixed.draw(&start, &mut *state.source)?,
            };
            state.batch = fixed.batch_of(drawn_at, drawn, state.reward.as_deref())?;
        }
        Ok(state.batch.rows(fixed.prompts, fixed.settings.skip_tokens))
    }

    fn end(&self, step: usize) -> Result<BTreeMap<String, f64>, BoxError> {
        let (fixed, state) = (&self.fixed, &mut *self.state.borrow_mut());
        if fixed.keeps_old() {
            state.batch.keep_old();
        }
        let about = About {
            prompts: fixed.prompts,
            teacher: fixed.settings.teacher,
            keeps_old: fixed.keeps_old(),
        };
        if let Some(journal) = &mut state.journal {
            journal.note(step, &state.batch, &about)?;
        }
        let settings = fixed.settings;
        let mut found = statistics::of_batch(&state.batch, settings.skip_tokens, fixed.loss.clip);
        if state.reward.is_some() {
            let (groups, rollouts) = (&settings.groups, settings.rollouts);
            found.extend(statistics::of_groups(&state.batch, groups, rollouts));
        }
        Ok(found)
    }
}

/// A step whose loss is not that of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the loss of an on-policy self-distillation is that of a step's answers: held-out rows have none"
)]
struct NoEvaluation;

impl Objective<LoraAdapter> for Steps<'_> {
    fn gradients(
        &self,
        adapter: &LoraAdapter,
        batch: &TokenBatch,
        step: StepContext,
    ) -> Result<StepLoss, BoxError> {
        let (fixed, state) = (&self.fixed, &mut *self.state.borrow_mut());
        let decoder = fixed.model.base_decoder();
        let batch = &*even(batch, &decoder.device());
        let TrainedTokens { positions, targets } = TrainedTokens::new(batch);
        let batch = adapter_batch(decoder, batch, positions, step.seed);
        let teacher = fixed.teacher_hidden(state, step.place);
        let shares = fixed.shares(&state.batch, step.place, step, targets.len());
        #[allow(clippy::cast_possible_truncation, reason = "gradients are in f32")]
        let narrow: Vec<f32> = shares.iter().map(|share| *share as f32).collect();
        let old = state.batch.old(step.place);
        let mut tokens = Vec::new();
        let head = |hidden: burn::tensor::Tensor<2>| {
            let head = TeacherHead {
                student: &hidden,
                teacher: &teacher,
                weight: &decoder.head(),
                targets: &targets,
                old: old.as_deref(),
                shares: &narrow,
            };
            let found: TaughtHead = teacher_head_loss(&head, &fixed.loss, CHUNK_ROWS);
            tokens = found.tokens;
            Ok::<_, BoxError>(found.gradient)
        };
        let gradients = adapter_gradients(decoder, adapter, &batch, fixed.checkpointing, head)?;
        let pairs = tokens.iter().zip(&shares);
        let mean: f64 = pairs
            .map(|(token, share)| f64::from(token.loss) * share)
            .sum();
        state
            .batch
            .note(step.place, &tokens, fixed.settings.skip_tokens);
        Ok(StepLoss {
            loss: LossSum {
                sum: mean * step.divisor,
                trained_tokens: targets.len(),
            },
            gradients,
        })
    }

    fn evaluate(&self, _: &LoraAdapter, _: &TokenBatch) -> Result<Evaluated, BoxError> {
        Err(NoEvaluation.into())
    }
}
