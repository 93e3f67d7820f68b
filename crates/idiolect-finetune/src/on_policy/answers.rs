//! Where answers come from: the student itself, or a source of the caller's own.

use std::ops::ControlFlow;

use idiolect_completion::{FinishReason, GenerationSettings};
use idiolect_lm::{GenerateRun, LanguageModel, ModelPrompt};
use idiolect_train::BoxError;
use serde::{Deserialize, Serialize};

/// What is asked for in a step.
#[derive(Debug)]
pub struct Asked<'a> {
    /// 1-based optimiser step.
    pub step: usize,
    /// The student as it is.
    pub model: &'a LanguageModel,
    /// Prompts as token ids, each as often as it is to be answered.
    pub prompts: &'a [Vec<u32>],
    /// How answers are to be drawn.
    pub generation: &'a GenerationSettings,
    /// Seed of the step: equal ones must give equal answers, so that a killed run resumes.
    pub seed: u64,
}

/// An answer as it was drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrawnAnswer {
    /// All its tokens, the one that ended it too; at least one.
    pub token_ids: Vec<u32>,
    /// Its text, without what ended it.
    pub text: String,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

/// Gives the answers of a step.
pub trait AnswerSource {
    /// One answer to each prompt, in their order.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from that; the run ends.
    fn answer(&mut self, asked: &Asked<'_>) -> Result<Vec<DrawnAnswer>, BoxError>;
}

impl<F: FnMut(&Asked<'_>) -> Result<Vec<DrawnAnswer>, BoxError>> AnswerSource for F {
    fn answer(&mut self, asked: &Asked<'_>) -> Result<Vec<DrawnAnswer>, BoxError> {
        self(asked)
    }
}

/// The student, which draws its own answers.
pub(super) struct Student;

impl AnswerSource for Student {
    fn answer(&mut self, asked: &Asked<'_>) -> Result<Vec<DrawnAnswer>, BoxError> {
        let prompts = asked.prompts.iter().cloned().map(ModelPrompt::Tokens);
        let prompts: Vec<ModelPrompt> = prompts.collect();
        let run = GenerateRun {
            seed: asked.seed,
            ignore_eos: false,
        };
        let drawn = asked
            .model
            .generate(&prompts, asked.generation, run, &mut |_| {
                ControlFlow::Continue(())
            })?;
        let answers = drawn.into_iter().map(|drawn| {
            let mut token_ids = drawn.token_ids;
            token_ids.extend(drawn.stop_token);
            DrawnAnswer {
                token_ids,
                text: drawn.text,
                finish_reason: drawn.finish_reason,
            }
        });
        Ok(answers.collect())
    }
}
