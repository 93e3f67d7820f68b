//! What generation may refuse, and where it can break off.

use crate::PromptProblem;

/// An error of the caller's model or tokenizer.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why no text could be generated.
///
/// `index` is the request's own, `step` counts the row's new tokens from 0.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// A setting is out of its range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Its field.
        name: &'static str,
        /// The range.
        expected: &'static str,
        /// The value.
        found: String,
    },
    /// A request that the model cannot go on from.
    #[error("request {index}: {problem}")]
    Prompt {
        /// The request's index.
        index: usize,
        /// What is wrong with its prompt.
        problem: PromptProblem,
    },
    /// The model broke off.
    #[error("the model failed at step {step} of the batch that begins with request {index}")]
    Model {
        /// Index of the batch's first request.
        index: usize,
        /// Steps done before; 0 is the prompt.
        step: usize,
        /// The model's own error.
        #[source]
        source: BoxError,
    },
    /// The model gave logits of another size than rows times vocabulary.
    #[error(
        "logits at step {step}: expected {rows} rows of {vocab}, found {found} \
         values with a vocabulary of {found_vocab}"
    )]
    LogitsShape {
        /// Steps done before.
        step: usize,
        /// Rows in the batch.
        rows: usize,
        /// The model's vocabulary size.
        vocab: usize,
        /// Values given.
        found: usize,
        /// Vocabulary size given.
        found_vocab: usize,
    },
    /// A row's logits are not a distribution: one is NaN or infinite, or all are minus infinity.
    #[error(
        "request {index}: logits at step {step} are not a distribution: {found} at \
         token {token}"
    )]
    NotFinite {
        /// The request's index.
        index: usize,
        /// The new token that they were to give.
        step: usize,
        /// The first offending token.
        token: usize,
        /// Its logit.
        found: f32,
    },
    /// New tokens could not be turned into text.
    #[error("request {index}: its new tokens could not be decoded")]
    Decode {
        /// The request's index.
        index: usize,
        /// The tokenizer's own error.
        #[source]
        source: BoxError,
    },
}
