//! One attempt at one request over HTTP.

use std::io::Read;
use std::time::Duration;

use serde_json::Value;
use ureq::{Agent, AgentBuilder, Response};

use crate::key::Key;
use crate::reply::{message, shortened};

/// The longest reply that is read: 64 MiB.
const REPLY_BYTES: u64 = 64 << 20;

/// A server and the way to it.
#[derive(Debug)]
pub(crate) struct Server {
    agent: Agent,
    /// Base address without a slash at its end.
    pub(crate) url: String,
    key: Option<Key>,
}

/// Why an attempt brought nothing.
#[derive(Debug, PartialEq)]
pub(crate) enum Failure {
    /// Another attempt may do.
    Again {
        found: String,
        /// How long the server asks to wait.
        wait: Option<Duration>,
    },
    /// No other attempt will.
    Final { status: u16, message: String },
}

impl Server {
    /// Redirections are not followed: they would carry texts to a place that nobody named.
    pub(crate) fn new(url: String, timeout: Duration, key: Option<Key>) -> Self {
        let agent = AgentBuilder::new().timeout(timeout).redirects(0);
        let agent = agent.max_idle_connections_per_host(64).build();
        Self { agent, url, key }
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
                let text = format!("{} {problem}", error.kind());
                Err(self.again(shortened(&text), None))
            }
        }
    }

    fn read(&self, response: Response) -> Result<Value, Failure> {
        let text = text(response)
            .map_err(|error| self.again(format!("an answer cut off: {error}"), None))?;
        serde_json::from_str(&text).map_err(|error| {
            let found = format!("no JSON ({error}): {}", shortened(&text));
            self.again(found, None)
        })
    }

    fn refused(&self, response: Response) -> Failure {
        let status = response.status();
        let wait = asked_wait(&response);
        // What the server says is an extra; without it the status stands alone.
        let (message, hopeless) = message(&text(response).unwrap_or_default());
        let passing = matches!(status, 408 | 425 | 429 | 500..=599) && !hopeless;
        if passing {
            return self.again(format!("status {status}: {message}"), wait);
        }
        let message = self.redacted(&message);
        Failure::Final { status, message }
    }

    fn again(&self, found: String, wait: Option<Duration>) -> Failure {
        let found = self.redacted(&found);
        Failure::Again { found, wait }
    }

    fn redacted(&self, text: &str) -> String {
        match &self.key {
            Some(key) => key.redact(text),
            None => text.to_owned(),
        }
    }
}

fn text(response: Response) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    response
        .into_reader()
        .take(REPLY_BYTES)
        .read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `Retry-After` in seconds, or `retry-after-ms`; a date is not read, for that takes a clock.
fn asked_wait(response: &Response) -> Option<Duration> {
    let number = |name| response.header(name)?.trim().parse::<f64>().ok();
    let seconds = number("retry-after").or_else(|| number("retry-after-ms").map(|ms| ms / 1e3))?;
    Duration::try_from_secs_f64(seconds).ok()
}
