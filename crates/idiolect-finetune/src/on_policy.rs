//! On-policy self-distillation (arXiv 2601.19897 and relatives): the model answers a prompt by itself, and the same
//! weights, shown something more, say at each token what they would have written.
//!
//! It is not the off-line method of arXiv 2402.13669, which has answers rewritten once, before the training.
//! A step draws answers from the student as it is then, scores them under the teacher in its context, and trains the
//! student towards it at each token. Student and teacher share the frozen weights and differ in prompt and adapter, so
//! that nothing is held twice.

mod answers;
mod batch;
mod choices;
mod drawing;
mod groups;
mod job;
mod journal;
mod objective;
mod prompts;
mod run;
mod settings;
mod statistics;
mod teaching;

use std::fmt;

pub use answers::{AnswerSource, Asked, DrawnAnswer};
pub use choices::{AveragedOver, DivergenceKind, Feedback, SupportKind, TeacherKind};
pub use groups::{GroupSettings, Judged, Reward};
use idiolect_completion::GenerationSettings;
use idiolect_lm::on_threads;
pub use job::{distill_online, plan_online};
pub use settings::OnPolicySettings;
pub use teaching::TeachingSettings;

use crate::{FineTune, FineTuneError, FineTuned, MemoryPlan};
use run::OnPolicyRun;

/// An on-policy self-distillation to be started: a fine-tuning whose rows are the model's own answers.
///
/// The data set's prompts are answered; its responses are the demonstrations that the teacher is shown.
/// Resumption, run directory, plan of memory and events are those of the [`FineTune`] that it is made of, and beside
/// them `journal/answers.jsonl` has every answer with its step, its teacher and its losses.
pub struct OnPolicy<'a> {
    run: FineTune<'a>,
    teaching: TeachingSettings,
    generation: GenerationSettings,
    answers: Option<Box<dyn AnswerSource + Send + 'a>>,
    reward: Option<Box<dyn Reward + Send + 'a>>,
    reward_name: Option<String>,
}

impl<'a> OnPolicy<'a> {
    /// A fine-tuning turned on-policy, with the default settings of the method: the teacher is the model without its
    /// adapter, shown a demonstration; forward divergence over the whole vocabulary; one answer a prompt at
    /// temperature 1.
    #[must_use]
    pub fn new(run: FineTune<'a>) -> Self {
        Self {
            run,
            teaching: TeachingSettings::default(),
            generation: settings::usual_generation(),
            answers: None,
            reward: None,
            reward_name: None,
        }
    }

    /// Teacher, context and divergence.
    #[must_use]
    pub fn teaching(mut self, settings: TeachingSettings) -> Self {
        self.teaching = settings;
        self
    }

    /// How the student draws its answers.
    #[must_use]
    pub fn generation(mut self, settings: GenerationSettings) -> Self {
        self.generation = settings;
        self
    }

    /// Takes the answers from somewhere else than the student itself, for example from a server that has its
    /// adapter. Answers that the student did not draw make the method another one.
    #[must_use]
    pub fn answers(mut self, source: impl AnswerSource + Send + 'a) -> Self {
        self.answers = Some(Box::new(source));
        self
    }

    /// Judges the answers to a prompt, [`TeachingSettings::rollouts`] of them, and shows the teacher of each a successful
    /// one of the others (arXiv 2601.20802) in the place of the data set's response. `name` stands in the settings.
    #[must_use]
    pub fn reward(mut self, name: &str, reward: impl Reward + Send + 'a) -> Self {
        self.reward_name = Some(name.to_owned());
        self.reward = Some(Box::new(reward));
        self
    }

    /// Memory and work of the run, without a step of it.
    ///
    /// # Errors
    ///
    /// As for [`OnPolicy::start`], without what only training can refuse.
    pub fn plan(self) -> Result<MemoryPlan, FineTuneError> {
        on_threads(self.run.threads(), || {
            let (options, mut listener) = self.run.into_options()?;
            OnPolicyRun::new(&options, &self.teaching, &self.generation)?.plan(&mut *listener)
        })
    }

    /// Trains an adapter to the end of the run.
    ///
    /// # Errors
    ///
    /// As for [`FineTune::start`]; [`FineTuneError::Setting`] for settings that do not go with the method, for a
    /// journal of another run, and for a row whose prompt or context leaves no room for an answer;
    /// [`FineTuneError::Lm`] for a row that has no demonstration or cannot be rendered.
    pub fn start(self) -> Result<FineTuned, FineTuneError> {
        on_threads(self.run.threads(), || {
            let (options, mut listener) = self.run.into_options()?;
            let mut teaching = self.teaching;
            teaching.groups.reward = self.reward_name.or(teaching.groups.reward);
            let run = OnPolicyRun::new(&options, &teaching, &self.generation)?;
            run.train((self.answers, self.reward), &mut *listener)
        })
    }
}

impl fmt::Debug for OnPolicy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnPolicy")
            .field("run", &self.run)
            .field("teaching", &self.teaching)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
