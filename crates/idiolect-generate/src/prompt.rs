//! What a prompt must be to be continued.

/// Why a prompt cannot be continued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PromptProblem {
    /// It has no token to go on from.
    #[error("the prompt is empty")]
    Empty,
    /// It holds a token that the model does not know.
    #[error(
        "token {token} at position {position} of the prompt is outside the vocabulary of {vocab}"
    )]
    TokenOutOfRange {
        /// The place in the prompt, from 0.
        position: usize,
        /// The token.
        token: u32,
        /// The model's vocabulary size.
        vocab: usize,
    },
    /// With its new tokens it does not fit the model's context.
    #[error("{prompt} prompt tokens and {max_new_tokens} new ones exceed the context of {context}")]
    ContextTooShort {
        /// Tokens of the prompt.
        prompt: usize,
        /// The most new tokens asked for.
        max_new_tokens: usize,
        /// The most positions that the model has.
        context: usize,
    },
}

/// What a model and a run leave room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptLimits {
    /// The model's vocabulary size.
    pub vocab: usize,
    /// The most positions that the model has, where it has a limit.
    pub context: Option<usize>,
    /// The most new tokens asked for.
    pub max_new_tokens: usize,
}

impl PromptLimits {
    /// Whether a prompt can be continued.
    ///
    /// # Errors
    ///
    /// [`PromptProblem`], the first that it has.
    pub fn check(&self, prompt: &[u32]) -> Result<(), PromptProblem> {
        let Self {
            vocab,
            context,
            max_new_tokens,
        } = *self;
        if prompt.is_empty() {
            return Err(PromptProblem::Empty);
        }
        if let Some(position) = prompt.iter().position(|&token| token as usize >= vocab) {
            return Err(PromptProblem::TokenOutOfRange {
                position,
                token: prompt[position],
                vocab,
            });
        }
        let prompt = prompt.len();
        match context {
            Some(context) if prompt.saturating_add(max_new_tokens) > context => {
                Err(PromptProblem::ContextTooShort {
                    prompt,
                    max_new_tokens,
                    context,
                })
            }
            _ => Ok(()),
        }
    }
}
