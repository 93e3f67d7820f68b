//! What a server tells whoever runs it. It prints nothing itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::ServeLimits;

/// Hears what a server does.
pub type Tell = Arc<dyn Fn(&ServeEvent) + Send + Sync>;

/// What a server does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ServeEvent {
    /// It listens.
    Listening(Listening),
    /// A request is over: answered, refused, or left by its client.
    Answered {
        /// Method and path.
        request: String,
        /// The status that was sent; `None` where the client went away before one was.
        status: Option<u16>,
        /// Whether the client had the whole answer.
        whole: bool,
        /// The model that was asked, where one was found.
        model: Option<String>,
        /// Tokens of its prompts.
        prompt_tokens: usize,
        /// New tokens of its answers.
        new_tokens: usize,
        /// Since the request came.
        took: Duration,
        /// What the client was told, where it was refused.
        refusal: Option<String>,
    },
    /// Something that does not end the server, such as a connection that the system would not give.
    Trouble(String),
    /// It was asked to stop and has ended.
    Stopped,
}

/// Where a server listens and what it serves.
#[derive(Debug, Clone, PartialEq)]
pub struct Listening {
    /// The address, with the port that the system chose where none was given.
    pub address: SocketAddr,
    /// Names of the models: the base model first, then adapters.
    pub models: Vec<String>,
    /// Whether requests need a key.
    pub key: bool,
    /// The limits in force.
    pub limits: ServeLimits,
}
