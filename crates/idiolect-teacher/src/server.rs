//! One attempt at one request over HTTP.
//!
//! Nothing that a server says leaves this file longer than allowed or with the key in it.

use std::borrow::Cow;
use std::io::Read;
use std::time::Duration;

use serde_json::Value;
use ureq::{Agent, AgentBuilder, Response};

use crate::config::TeacherConfig;
use crate::key::Key;
use crate::reply::{Billed, message, shortened, usage};

/// The most bytes of an answer with another status than 200 that are read; its message is cut far below that.
const REFUSAL_BYTES: u64 = 1 << 16;

/// A server and the way to it.
#[derive(Debug)]
pub(crate) struct Server {
    agent: Agent,
    /// Base address without a slash at its end.
    pub(crate) url: String,
    key: Option<Key>,
    /// The most bytes of an answer.
    reply_bytes: u64,
}

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
    Again {
        found: String,
        /// How long the server asks to wait.
        wait: Option<Duration>,
    },
    /// No other attempt will, and the status says so.
    Final { status: u16, message: String },
    /// An answer that is longer than allowed, as another one would be.
    TooLong { found: String },
}

impl Server {
    /// Redirections are not followed: they would carry texts to a place that nobody named.
    pub(crate) fn new(url: String, config: &TeacherConfig, key: Option<Key>) -> Self {
        let agent = AgentBuilder::new().timeout(config.timeout).redirects(0);
        Self {
            agent: agent.max_idle_connections_per_host(64).build(),
            url,
            key,
            reply_bytes: config.reply_bytes,
        }
    }

    /// Where a path leads.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call("POST", path, Some(body))
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let mut request = self.agent.request(method, &self.address(path));
        if let Some(key) = &self.key {
            request = request.set("authorization", &key.header());
        }
        let sent = match body {
            Some(body) => request
                .set("content-type", "application/json")
                .send_string(&body.to_string()),
            None => request.call(),
        };
        match sent {
            Ok(response) if response.status() == 200 => self.read(response),
            Ok(response) | Err(ureq::Error::Status(_, response)) => Err(self.refused(response)),
            Err(ureq::Error::Transport(error)) => {
                let problem = error.message().unwrap_or_default();
                let text = self.redacted(&format!("{} {problem}", error.kind()));
                Err(again(shortened(&text), None, Billed::Nothing))
            }
        }
    }

    fn read(&self, response: Response) -> Result<Value, Failure> {
        let body = Self::body(response, self.reply_bytes);
        let body = body.map_err(|error| {
            let found = format!("an answer cut off: {error}");
            again(self.redacted(&found), None, Billed::Unknown)
        })?;
        let Some(text) = body else {
            let most = self.reply_bytes;
            let found = format!("an answer of more than {most} bytes (reply_bytes)");
            return Err(Failure {
                kind: FailureKind::TooLong { found },
                billed: Billed::Unknown,
            });
        };
        let reply = serde_json::from_str(&text).map_err(|error| {
            let found = format!("no JSON ({error}): {}", shortened(&self.redacted(&text)));
            again(found, None, Billed::Unknown)
        })?;
        Ok(match &self.key {
            Some(key) => key.redact_answer(reply),
            None => reply,
        })
    }

    fn refused(&self, response: Response) -> Failure {
        let status = response.status();
        let wait = asked_wait(&response);
        // What the server says is an extra; without it the status stands alone.
        let text = Self::body(response, REFUSAL_BYTES);
        let text = text.ok().flatten().unwrap_or_default();
        let reply: Option<Value> = serde_json::from_str(&text).ok();
        let billed = reply.as_ref().and_then(usage);
        let (message, hopeless) = message(reply.as_ref(), &text);
        let message = shortened(&self.redacted(&message));
        let passing = matches!(status, 408 | 425 | 429 | 500..=599) && !hopeless;
        let kind = if passing {
            let found = format!("status {status}: {message}");
            FailureKind::Again { found, wait }
        } else {
            FailureKind::Final { status, message }
        };
        Failure {
            kind,
            billed: billed.unwrap_or_default(),
        }
    }

    /// What a server says; none where it is longer than `most` bytes.
    fn body(response: Response, most: u64) -> std::io::Result<Option<String>> {
        let mut bytes = Vec::new();
        let reader = response.into_reader();
        reader
            .take(most.saturating_add(1))
            .read_to_end(&mut bytes)?;
        let text = (bytes.len() as u64 <= most).then(|| String::from_utf8_lossy(&bytes));
        Ok(text.map(Cow::into_owned))
    }

    fn redacted(&self, text: &str) -> String {
        match &self.key {
            Some(key) => key.redact(text),
            None => text.to_owned(),
        }
    }
}

fn again(found: String, wait: Option<Duration>, billed: Billed) -> Failure {
    Failure {
        kind: FailureKind::Again { found, wait },
        billed,
    }
}

/// `Retry-After` in seconds, or `retry-after-ms`; a date is not read, for that takes a clock.
fn asked_wait(response: &Response) -> Option<Duration> {
    let number = |name| response.header(name)?.trim().parse::<f64>().ok();
    let seconds = number("retry-after").or_else(|| number("retry-after-ms").map(|ms| ms / 1e3))?;
    Duration::try_from_secs_f64(seconds).ok()
}
