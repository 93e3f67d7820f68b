//! A request on its way to the model, and what comes back of it piece by piece.

use tokio::sync::mpsc::UnboundedSender;

use super::tokens::TokenLine;
use crate::api::Asked;
use crate::refusal::Refusal;

/// A request that waits for the model.
pub(crate) struct Job {
    /// What is asked.
    pub(crate) asked: Asked,
    /// Where the pieces go. It holds as many as the client has not read, which the limit of a request's tokens bounds:
    /// the model never waits for a client.
    pub(crate) replies: UnboundedSender<Reply>,
}

impl Job {
    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.replies.is_closed()
    }

    /// Sends a piece; one that nobody waits for is dropped.
    pub(crate) fn send(&self, reply: Reply) {
        let _ = self.replies.send(reply);
    }
}

/// A piece of an answer.
#[derive(Debug)]
pub(crate) enum Reply {
    /// More text of a choice, and the tokens that it is made of where they are wanted.
    Text {
        /// Number of the text: prompt times `n`, plus the choice.
        choice: usize,
        /// The text.
        text: String,
        /// Its tokens.
        tokens: Vec<TokenLine>,
    },
    /// A choice is finished.
    Done {
        /// Number of the text.
        choice: usize,
        /// `OpenAI`'s word for why.
        finish: &'static str,
        /// New tokens.
        new_tokens: usize,
    },
    /// There is no answer, or no more of it.
    Failed(Refusal),
    /// All choices are finished.
    End,
}
