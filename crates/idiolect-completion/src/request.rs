//! A completion that is asked for, and what comes back. Who writes it is not decided here.

use idiolect_data::Id;
use idiolect_generate::{FinishReason, Sampling};

use crate::logprobs::Logprobs;
use crate::prompt::Prompt;

/// What one request wants otherwise than the writer's settings say; nothing by default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// How a token is chosen.
    pub sampling: Option<Sampling>,
    /// The most new tokens, at least 1.
    pub max_new_tokens: Option<usize>,
    /// Texts that end this completion too.
    pub stops: Vec<String>,
}

/// One completion to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletionRequest {
    /// Unique among the requests of a call.
    pub id: Id,
    /// What the writer is shown.
    pub prompt: Prompt,
    /// Seed of this completion's sampling; no other may enter.
    pub seed: u64,
    /// The journal has this completion already.
    ///
    /// A writer skips it, but may count it when it plans its batches, so that a resumed run
    /// repeats the batch in which it was interrupted; a completion for it is ignored.
    pub done: bool,
    /// What this request wants otherwise than the writer's settings say.
    pub overrides: Overrides,
}

impl CompletionRequest {
    /// A request with the writer's settings as they are, not done yet.
    #[must_use]
    pub fn new(id: Id, prompt: Prompt, seed: u64) -> Self {
        Self {
            id,
            prompt,
            seed,
            done: false,
            overrides: Overrides::default(),
        }
    }
}

/// A completion as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The request's id.
    pub id: Id,
    /// The text, without the tokens and strings that stopped it.
    pub text: String,
    /// New tokens, as the writer counts them.
    pub token_count: usize,
    /// The new tokens themselves, where the writer knows them.
    pub token_ids: Option<Vec<u32>>,
    /// Passes of the model that gave them, where the writer knows; fewer than tokens where tokens
    /// were guessed and verified several at a time.
    pub passes: Option<usize>,
    /// The likeliest tokens at each of its tokens, where the writer was asked for them and can tell.
    pub logprobs: Option<Logprobs>,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

impl Completion {
    /// A text of a writer that counts no tokens and ended by itself.
    #[must_use]
    pub fn new(id: Id, text: impl Into<String>) -> Self {
        Self {
            id,
            text: text.into(),
            token_count: 0,
            token_ids: None,
            passes: None,
            logprobs: None,
            finish_reason: FinishReason::Stop,
        }
    }
}
