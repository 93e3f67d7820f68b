//! Why an attempt brought nothing, and what it cost all the same.

use std::time::Duration;

use serde_json::Value;

/// Why an attempt brought nothing, and what it cost.
#[derive(Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) billed: Billed,
}

/// Why an attempt brought nothing.
#[derive(Debug, PartialEq)]
pub(crate) enum FailureKind {
    /// Another attempt may do.
    Again(Passing),
    /// No other attempt will, and the status says so.
    Final { status: u16, message: String },
    /// The server wants `max_completion_tokens` in the place of `max_tokens`.
    OtherLimitField { status: u16, message: String },
    /// An answer that is longer than allowed or of another form, as another one would be.
    Unusable { found: String },
}

/// A failure that may pass.
#[derive(Debug, PartialEq)]
pub(crate) struct Passing {
    pub(crate) found: String,
    /// How long the server asks to wait.
    pub(crate) wait: Option<Duration>,
    /// The server says that its model is loading.
    pub(crate) is_loading: bool,
}

/// What an attempt that failed cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Billed {
    /// Nothing, as far as anybody knows.
    #[default]
    Nothing,
    /// An answer was begun, and does not say.
    Unknown,
    /// What the server counts.
    Tokens { prompt: u64, text: u64 },
}

/// What a reply says that it cost, where it says anything.
pub(crate) fn usage(reply: &Value) -> Option<Billed> {
    let [prompt, text] = ["prompt_tokens", "completion_tokens"].map(|field| counted(reply, field));
    (prompt.is_some() || text.is_some()).then(|| Billed::Tokens {
        prompt: prompt.unwrap_or(0),
        text: text.unwrap_or(0),
    })
}

/// A count of tokens as the server says it.
pub(crate) fn counted(reply: &Value, field: &str) -> Option<u64> {
    reply.get("usage")?.get(field)?.as_u64()
}
