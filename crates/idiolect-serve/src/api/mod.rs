//! Bodies of requests, read: every field is understood, known to be harmless, or refused by its name.

mod chat;
mod completion;
mod fields;
mod harmless;
mod sampling;

pub(crate) use chat::chat;
pub(crate) use completion::completion;

use idiolect_generate::GenerationSettings;
use idiolect_input::counted;
use idiolect_lm::{GenerateRun, LanguageModel};

use crate::ServeLimits;
use crate::models::Models;
use crate::refusal::Refusal;

/// What requests are read against.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The models.
    pub(crate) models: &'a Models,
    /// What a request may take.
    pub(crate) limits: &'a ServeLimits,
    /// Seed of a request that brings none.
    pub(crate) seed: u64,
}

/// Whether a text is continued or a conversation answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/v1/completions`.
    Completion,
    /// `/v1/chat/completions`.
    Chat,
}

/// A request that can be answered.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Which form the answer has.
    pub(crate) form: Form,
    /// Name of the model.
    pub(crate) name: String,
    /// The model.
    pub(crate) model: LanguageModel,
    /// The prompts, at least one.
    pub(crate) prompts: Vec<AskedPrompt>,
    /// Texts for each prompt, at least 1.
    pub(crate) choices: usize,
    /// How text is generated; its most new tokens are at least 1.
    pub(crate) settings: GenerationSettings,
    /// Whether no text is wanted, only the echo.
    pub(crate) only_echo: bool,
    /// Seed, and whether end tokens are passed over.
    pub(crate) run: GenerateRun,
    /// How many likeliest tokens stand beside each token, where log-probabilities are wanted.
    pub(crate) logprobs: Option<usize>,
    /// Whether the prompt stands before each text.
    pub(crate) echo: bool,
    /// How the answer is streamed, where it is.
    pub(crate) stream: Option<Streamed>,
}

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AskedPrompt {
    /// Its tokens.
    pub(crate) ids: Vec<u32>,
    /// Its text, where that is echoed.
    pub(crate) echo: String,
}

/// How an answer is streamed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Streamed {
    /// Whether the numbers of tokens stand in a last event.
    pub(crate) usage: bool,
}

impl Asked {
    /// Tokens of all prompts.
    pub(crate) fn prompt_tokens(&self) -> usize {
        self.prompts.iter().map(|prompt| prompt.ids.len()).sum()
    }
}

impl Context<'_> {
    /// How many new tokens each text may have: as many as asked for, else `otherwise`; never more than the positions
    /// and the limits leave. `field` names the number in refusals.
    fn new_tokens(
        &self,
        (field, asked): (&'static str, Option<usize>),
        otherwise: usize,
        prompts: &[AskedPrompt],
        choices: usize,
    ) -> Result<usize, Refusal> {
        let (limits, positions) = (self.limits, self.models.positions());
        let longest = prompts.iter().map(|prompt| prompt.ids.len()).max();
        let longest = longest.unwrap_or(0);
        let most = limits.max_prompt_tokens.min(positions);
        if longest > most {
            let problem = format!("{longest} tokens, more than the {most} that a prompt may have");
            return Err(Refusal::too_long("prompt", problem));
        }
        let room = positions - longest;
        let new = asked.unwrap_or(otherwise.min(room).min(limits.max_new_tokens));
        if new > limits.max_new_tokens {
            let expected = format!("at most {}", limits.max_new_tokens);
            return Err(Refusal::expected(field, expected, new));
        }
        if new > room || asked.is_none() && new == 0 {
            let problem = format!(
                "{} and {} exceed the context of {positions}",
                counted(longest, "prompt token", "prompt tokens"),
                counted(new.max(1), "new one", "new ones")
            );
            return Err(Refusal::too_long(field, problem));
        }
        let prompts_tokens: usize = prompts.iter().map(|prompt| prompt.ids.len()).sum();
        let texts = prompts.len().saturating_mul(choices);
        let all = texts.saturating_mul(new).saturating_add(prompts_tokens);
        if all > limits.max_request_tokens {
            let expected = format!(
                "at most {} of prompts and texts in one request",
                counted(limits.max_request_tokens, "token", "tokens")
            );
            return Err(Refusal::expected(field, expected, all));
        }
        Ok(new)
    }
}
