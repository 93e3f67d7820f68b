//! What a server tells whoever runs it. It prints nothing itself.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use idiolect_input::counted;
use serde_json::{Value, json};

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
    Answered(Answered),
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

/// A request that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// Method and path.
    pub request: String,
    /// The status that was sent; `None` where the client went away before one was.
    pub status: Option<u16>,
    /// Whether the client had the whole answer.
    pub whole: bool,
    /// The model that was asked, where one was found.
    pub model: Option<String>,
    /// Tokens of its prompts.
    pub prompt_tokens: usize,
    /// New tokens of its answers.
    pub new_tokens: usize,
    /// Since the request came.
    pub took: Duration,
    /// What the client was told, where it was refused.
    pub refusal: Option<String>,
}

impl ServeEvent {
    /// The event as an object for programs.
    #[must_use]
    pub fn object(&self) -> Value {
        match self {
            Self::Listening(listening) => listening.object(),
            Self::Answered(answered) => answered.object(),
            Self::Trouble(_) | Self::Stopped => json!({"note": self.to_string()}),
        }
    }
}

impl fmt::Display for ServeEvent {
    /// One line, of [`Self::Listening`] three.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening(listening) => write!(f, "{listening}"),
            Self::Answered(answered) => write!(f, "{answered}"),
            Self::Trouble(trouble) => f.write_str(trouble),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

impl Answered {
    fn object(&self) -> Value {
        json!({
            "request": self.request, "status": self.status, "whole": self.whole, "model": self.model,
            "prompt_tokens": self.prompt_tokens, "new_tokens": self.new_tokens,
            "seconds": self.took.as_secs_f64(), "refusal": self.refusal,
        })
    }
}

impl fmt::Display for Answered {
    /// The request, its status, and what was computed or refused.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.request)?;
        match (self.status, self.whole) {
            (None, _) => f.write_str("the client went away"),
            (Some(status), true) => write!(f, "{status}"),
            (Some(status), false) => write!(f, "{status}, the client went away"),
        }?;
        match (&self.refusal, &self.model) {
            (Some(refusal), _) => write!(f, ": {refusal}"),
            (None, Some(name)) => {
                let new = counted(self.new_tokens, "token", "tokens");
                let seconds = self.took.as_secs_f64();
                write!(
                    f,
                    ": {name}, {} + {new}, {seconds:.1} s",
                    self.prompt_tokens
                )
            }
            (None, None) => Ok(()),
        }
    }
}

impl Listening {
    fn object(&self) -> Value {
        let limits = &self.limits;
        json!({
            "listening": self.address.to_string(), "models": self.models, "key": self.key,
            "limits": {
                "body_bytes": limits.max_body_bytes, "new_tokens": limits.max_new_tokens, "choices": limits.max_choices,
                "waiting": limits.max_waiting, "connections": limits.max_connections,
                "seconds": limits.timeout.as_secs(),
            },
        })
    }
}

impl fmt::Display for Listening {
    /// Where it listens and what it serves, what requests may take, and how one is made.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address, limits, ..
        } = self;
        let (told, header) = if self.key {
            (
                ", with a key",
                " -H \"authorization: Bearer $IDIOLECT_API_KEY\"",
            )
        } else {
            ("", "")
        };
        let models = self.models.join(", ");
        let model = self.models.last().map_or("", String::as_str);
        write!(
            f,
            "serving at http://{address}/v1: {models}{told}\n\
             limits: {} of a body, {} of a text, {} of a request, {}, {} s for an answer; requests are answered one \
             after the other\n\
             try: curl http://{address}/v1/chat/completions{header} -H 'content-type: application/json' -d \
             '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello!\"}}], \
             \"max_tokens\": 50}}'",
            counted(limits.max_body_bytes, "byte", "bytes"),
            counted(limits.max_new_tokens, "new token", "new tokens"),
            counted(limits.max_choices, "text", "texts"),
            counted(
                limits.max_waiting,
                "request that waits",
                "requests that wait"
            ),
            limits.timeout.as_secs(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_for_people_and_an_object_for_programs() {
        let event = ServeEvent::Answered(Answered {
            request: "POST /v1/completions".into(),
            status: Some(200),
            whole: true,
            model: Some("tiny".into()),
            prompt_tokens: 7,
            new_tokens: 1,
            took: Duration::from_millis(1250),
            refusal: None,
        });
        assert_eq!(
            event.to_string(),
            "POST /v1/completions 200: tiny, 7 + 1 token, 1.2 s"
        );
        assert_eq!(event.object()["new_tokens"], 1);
        assert_eq!(ServeEvent::Stopped.object(), json!({"note": "stopped"}));
        let listening = Listening {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            models: vec!["base".into(), "tuned".into()],
            key: true,
            limits: ServeLimits {
                max_choices: 1,
                ..ServeLimits::default()
            },
        };
        let told = ServeEvent::Listening(listening).to_string();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines[0],
            "serving at http://127.0.0.1:8080/v1: base, tuned, with a key"
        );
        assert!(
            lines[1].contains(" of a text, 1 text of a request, "),
            "{told}"
        );
        assert!(
            lines[2].contains("completions -H \"authorization: Bearer $IDIOLECT_API_KEY\" -H 'content-type")
                && lines[2].ends_with("'{\"model\": \"tuned\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}], \"max_tokens\": 50}'"),
            "{told}"
        );
    }
}
