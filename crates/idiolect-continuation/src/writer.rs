//! The seam to whatever writes text: a local model, a server, a test's closure.
//!
//! It has the shape of the seam of self-distillation; a request differs, for there the prompt is a
//! rendered template and here it is text or a chat.

use idiolect_data::{Id, Message};

/// An error of a kind that this crate does not know.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a writer is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Prompt {
    /// Text to go on from, with no markup around it; for `/v1/completions` or a local model.
    Text(String),
    /// Turns to answer, the last one the user's; for `/v1/chat/completions` or a chat template.
    Chat(Vec<Message>),
}

impl Prompt {
    /// What is hashed: every turn with its role, or the text; no two prompts give the same.
    pub(crate) fn canonical(&self) -> String {
        match self {
            Self::Text(text) => format!("text\n{text}"),
            Self::Chat(messages) => {
                let turn = |message: &Message| {
                    let (role, content) = (message.role.as_str(), &message.content);
                    format!("\n{role} {}\n{content}", content.len())
                };
                format!("chat{}", messages.iter().map(turn).collect::<String>())
            }
        }
    }
}

/// One text to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct ContinuationRequest {
    /// The document's id, unique among the requests of a stage.
    pub id: Id,
    /// What the model is shown.
    pub prompt: Prompt,
    /// Seed of this text's sampling; no other may enter.
    pub seed: u64,
    /// The journal has this text already.
    ///
    /// A writer skips it, but may count it in when it plans its batches, so that a resumed run
    /// repeats the batch in which it was interrupted; a completion for it is ignored.
    pub done: bool,
}

/// A text as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The request's id.
    pub id: Id,
    /// The text, without the tokens and strings that stopped it.
    pub text: String,
    /// New tokens, whatever the writer counts.
    pub token_count: usize,
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
    /// It is called once for every window of requests, never with more than
    /// [`Settings::window`](crate::Settings::window) of them.
    ///
    /// # Errors
    ///
    /// Whatever stops the writer; an error of `on_done` is to be returned at once.
    fn complete(
        &mut self,
        requests: &[ContinuationRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError>;
}

/// A function of one request writes them one after the other.
impl<F: FnMut(&ContinuationRequest) -> Result<Completion, BoxError>> TextToText for F {
    fn complete(
        &mut self,
        requests: &[ContinuationRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        requests
            .iter()
            .filter(|request| !request.done)
            .try_for_each(|request| on_done(self(request)?))
    }
}
