//! What a client is told in the place of an answer, in the form of `OpenAI`'s API.

use std::time::Duration;

use idiolect_generate::GenerateError;
use idiolect_input::{counted, shown};
use idiolect_lm::LmError;
use serde_json::{Value, json};

/// Characters of a message.
const LONGEST: usize = 1000;

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Status of HTTP.
    pub(crate) status: u16,
    /// `OpenAI`'s word for the kind.
    pub(crate) kind: &'static str,
    /// `OpenAI`'s word for the cause, where it has one.
    pub(crate) code: Option<&'static str>,
    /// The field that is to blame.
    pub(crate) param: Option<String>,
    /// What is wrong, in words.
    pub(crate) message: String,
}

impl Refusal {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            code: None,
            param: None,
            message: shown(&message.into(), LONGEST).into_owned(),
        }
    }

    /// A request that is wrong, with this status.
    pub(crate) fn request(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, "invalid_request_error", message)
    }

    /// A field of the body that is wrong.
    pub(crate) fn field(name: &str, problem: impl std::fmt::Display) -> Self {
        Self {
            param: Some(name.to_owned()),
            ..Self::request(400, format!("{name}: {problem}"))
        }
    }

    /// A field that is out of its range.
    pub(crate) fn expected(
        name: &str,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::field(name, format!("expected {expected}, found {found}"))
    }

    /// A prompt that leaves no room.
    pub(crate) fn too_long(name: &str, problem: impl std::fmt::Display) -> Self {
        Self {
            code: Some("context_length_exceeded"),
            ..Self::field(name, problem)
        }
    }

    /// A name that none of the models has.
    pub(crate) fn no_model(name: &str, names: &[&str]) -> Self {
        let names = names.join(", ");
        Self {
            code: Some("model_not_found"),
            param: Some("model".into()),
            ..Self::request(404, format!("no model {name:?} here; there are: {names}"))
        }
    }

    /// A request without the key.
    pub(crate) fn no_key() -> Self {
        Self {
            code: Some("invalid_api_key"),
            ..Self::request(
                401,
                "expected the server's key as authorization: Bearer KEY",
            )
        }
    }

    /// More requests than may wait.
    pub(crate) fn busy(waiting: usize) -> Self {
        let message =
            counted(waiting, "request waits", "requests wait") + " already; try again later";
        Self::new(503, "overloaded_error", message)
    }

    /// The server ends.
    pub(crate) fn stopping() -> Self {
        Self::new(503, "server_error", "the server is stopping")
    }

    /// The time of an answer is over.
    pub(crate) fn too_slow(most: Duration) -> Self {
        let message = format!(
            "not answered within {}",
            counted(most.as_secs_f64(), "second", "seconds")
        );
        Self::new(504, "timeout_error", message)
    }

    /// A fault of the server.
    pub(crate) fn fault(message: impl Into<String>) -> Self {
        Self::new(500, "server_error", message)
    }

    /// The body that says so.
    pub(crate) fn json(&self) -> Value {
        let Self {
            kind,
            code,
            param,
            message,
            ..
        } = self;
        json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
    }
}

impl From<LmError> for Refusal {
    /// A model's refusal: of the request where that is to blame, else a fault.
    fn from(error: LmError) -> Self {
        match &error {
            LmError::Generate(GenerateError::Setting {
                name,
                expected,
                found,
            }) => Self::expected(name, expected, found),
            LmError::Generate(GenerateError::Prompt { .. })
            | LmError::Request(_)
            | LmError::Prompt(_)
            | LmError::Tokens(_)
            | LmError::Row { .. }
            | LmError::Setting { .. } => Self::request(400, chain(&error)),
            _ => Self::fault(chain(&error)),
        }
    }
}

/// An error with its causes, none said twice.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    for cause in causes {
        let text = cause.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
    }
    line
}
