//! One attempt at one request over HTTP.
//!
//! Nothing that a server says leaves this file longer than allowed or with the key in it.

use std::time::Duration;

use idiolect_http::{
    Body, Client, RequestError, Response, Secret, Timeouts, asked_wait, bounded_text, problem,
};
use serde_json::Value;

use crate::config::TeacherConfig;
use crate::failure::{Billed, Failure, FailureKind, Passing, usage};
use crate::words::{message, shortened};

/// The most bytes of an answer with another status than 200 that are read; its message is cut far below that.
const REFUSAL_BYTES: u64 = 1 << 16;

/// A server and the way to it.
#[derive(Debug)]
pub(crate) struct Server {
    client: Client,
    /// Base address without a slash at its end.
    pub(crate) url: String,
    key: Option<Secret>,
    /// The most bytes of an answer.
    reply_bytes: u64,
}

impl Server {
    /// Redirections are not followed: they would carry texts to a place that nobody named.
    pub(crate) fn new(url: String, config: &TeacherConfig, key: Option<Secret>) -> Self {
        let whole = Some(config.timeout);
        Self {
            client: Client::new(Timeouts {
                whole,
                ..Timeouts::default()
            }),
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
        let mut request = self.client.get(&self.address(path));
        if let Some(key) = &self.key {
            request = request.header("authorization", key.header());
        }
        self.answer(request.call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let mut request = self.client.post(&self.address(path));
        if let Some(key) = &self.key {
            request = request.header("authorization", key.header());
        }
        let request = request.header("content-type", "application/json");
        self.answer(request.send(body.to_string()))
    }

    fn answer(&self, sent: Result<Response<Body>, RequestError>) -> Result<Value, Failure> {
        match sent {
            Ok(response) if response.status() == 200 => self.read(response),
            Ok(response) => Err(self.refused(response)),
            Err(error) => {
                let text = self.redacted(&problem(&error));
                Err(again(shortened(&text), None, Billed::Nothing))
            }
        }
    }

    fn read(&self, response: Response<Body>) -> Result<Value, Failure> {
        let body = bounded_text(response, self.reply_bytes);
        let body = body.map_err(|error| {
            let found = format!("an answer cut off: {error}");
            again(self.redacted(&found), None, Billed::Unknown)
        })?;
        let Some(text) = body else {
            let most = self.reply_bytes;
            let found = format!("an answer of more than {most} bytes (reply_bytes)");
            return Err(Failure {
                kind: FailureKind::Unusable { found },
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

    fn refused(&self, response: Response<Body>) -> Failure {
        let status = response.status().as_u16();
        let wait = asked_wait(response.headers());
        // What the server says is an extra; without it the status stands alone.
        let text = bounded_text(response, REFUSAL_BYTES);
        let text = text.ok().flatten().unwrap_or_default();
        let reply: Option<Value> = serde_json::from_str(&text).ok();
        let billed = reply.as_ref().and_then(usage);
        let (message, hopeless) = message(reply.as_ref(), &text);
        let message = shortened(&self.redacted(&message));
        let passing = matches!(status, 408 | 425 | 429 | 500..=599) && !hopeless;
        let kind = if passing {
            // llama.cpp's server, and Hugging Face's, say so with 503.
            let is_loading = status == 503 && message.to_ascii_lowercase().contains("loading");
            FailureKind::Again(Passing {
                found: format!("status {status}: {message}"),
                wait,
                is_loading,
            })
        } else {
            refusal(status, message)
        };
        Failure {
            kind,
            billed: billed.unwrap_or_default(),
        }
    }

    fn redacted(&self, text: &str) -> String {
        match &self.key {
            Some(key) => key.redact(text),
            None => text.to_owned(),
        }
    }
}

/// What a final status says; a setting that helps is named.
fn refusal(status: u16, mut message: String) -> FailureKind {
    if matches!(status, 400 | 422) && message.contains("max_completion_tokens") {
        return FailureKind::OtherLimitField { status, message };
    }
    if matches!(status, 400 | 422) && message.contains("temperature") {
        message.push_str(" (the setting omit_temperature leaves it out)");
    }
    FailureKind::Final { status, message }
}

fn again(found: String, wait: Option<Duration>, billed: Billed) -> Failure {
    Failure {
        kind: FailureKind::Again(Passing {
            found,
            wait,
            is_loading: false,
        }),
        billed,
    }
}
