//! The seam to whatever writes text: a local model, a server, a test's closure.

use idiolect_data::Id;
use idiolect_prompt::Rendered;

/// An error of a kind that this crate does not know.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One rewrite to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct RewriteRequest {
    /// The row's id, unique among the requests.
    pub id: Id,
    /// What the model continues.
    pub prompt: Rendered,
    /// Seed of this rewrite's sampling; no other may enter.
    pub seed: u64,
    /// The journal has this rewrite already.
    ///
    /// A writer skips it, but may count it in when it plans its batches, so that a resumed run
    /// repeats the batch in which it was interrupted; a completion for it is ignored.
    pub done: bool,
}

/// A rewrite as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The request's id.
    pub id: Id,
    /// The text, without the tokens and strings that stopped it.
    pub text: String,
    /// New tokens, whatever the writer counts.
    pub token_count: usize,
    /// The new tokens themselves, where the writer knows them.
    pub token_ids: Option<Vec<u32>>,
    /// Passes of the model that gave them, where the writer knows; fewer than tokens where it guessed ahead.
    pub passes: Option<usize>,
    /// Why it ended, in the words of OpenAI-compatible servers; `length` means cut off.
    pub finish_reason: String,
}

/// Anything that continues prompts.
pub trait TextToText {
    /// Writes every request that is not done, in any order, and hands over each completion as soon
    /// as it is there.
    ///
    /// # Errors
    ///
    /// Whatever stops the writer; an error of `on_done` is to be returned at once.
    fn complete(
        &mut self,
        requests: &[RewriteRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError>;
}

/// A function of one request writes them one after the other.
impl<F: FnMut(&RewriteRequest) -> Result<Completion, BoxError>> TextToText for F {
    fn complete(
        &mut self,
        requests: &[RewriteRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        requests
            .iter()
            .filter(|request| !request.done)
            .try_for_each(|request| on_done(self(request)?))
    }
}
