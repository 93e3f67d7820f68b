//! Requests that send something: with the token, tried again where another attempt may do, and answered in JSON.

use std::time::Duration;

use idiolect_http::{Body, RequestBuilder, Response, SendBody, bounded_text, problem};
use serde_json::{Value, json};
use tracing::debug;

use crate::remote::{Asked, Failure, Remote};
use crate::repo::Repo;
use crate::{HubConfig, HubError};

/// A commit of many files is quiet for longer than a download.
const PATIENCE: u32 = 6;
/// Status of a repository that is there already.
const THERE: u16 = 409;
/// The most bytes of an answer: it names files and addresses, and holds none.
const ANSWER_BYTES: u64 = 1 << 24;
/// The type of a body as JSON.
const JSON: &str = "application/json";
/// The type of a body of Git LFS.
const LFS: &str = "application/vnd.git-lfs+json";
/// The type of a body of lines of JSON.
const LINES: &str = "application/x-ndjson";

/// Sends to one Hub.
pub(super) struct Sender {
    pub(super) remote: Remote,
}

/// A body, and how it is told.
struct Message<'a> {
    body: &'a str,
    kind: &'static str,
    /// Attempts at it.
    most: u32,
}

impl Sender {
    /// Sends with the token of these settings.
    ///
    /// # Errors
    ///
    /// [`HubError::Setting`] without a token, with one that may not be sent, and where the Hub may not be asked.
    pub(super) fn new(config: &HubConfig) -> Result<Self, HubError> {
        let refused = |name: &str, expected, found: &str| HubError::Setting {
            name: name.to_owned(),
            expected,
            found: found.to_owned(),
        };
        if config.offline {
            let expected = "nothing beside an upload";
            return Err(refused("HF_HUB_OFFLINE", expected, "1"));
        }
        if config.token.is_none() {
            let expected =
                "a token that may write to the repository (hf auth login, or this variable)";
            return Err(refused("HF_TOKEN", expected, "nothing"));
        }
        let timeout = config.timeout.max(Duration::from_millis(1)) * PATIENCE;
        let remote = Remote::new(HubConfig {
            timeout,
            ..config.clone()
        });
        if !remote.is_told(&config.endpoint) {
            let expected = "an address of https, or of this machine, beside a token";
            return Err(refused("HF_ENDPOINT", expected, &config.endpoint));
        }
        Ok(Self { remote })
    }

    /// Makes the repository unless it is there.
    pub(super) fn create(&self, repo: &Repo, private: bool) -> Result<(), HubError> {
        let url = format!("{}/api/repos/create", self.remote.config.endpoint);
        let (owner, name) = repo.name().split_once('/').unwrap_or(("", repo.name()));
        let body = json!({"name": name, "organization": owner, "private": private}).to_string();
        let message = Message {
            body: &body,
            kind: JSON,
            most: self.remote.config.attempts,
        };
        self.post(&url, repo, &message, &[THERE]).map(drop)
    }

    /// The answer to a body of JSON.
    pub(super) fn json(&self, url: &str, repo: &Repo, body: &Value) -> Result<Value, HubError> {
        let body = body.to_string();
        self.answer(url, repo, &self.message(&body, JSON))
    }

    /// The answer to a body of Git LFS.
    pub(super) fn batch(&self, url: &str, repo: &Repo, body: &Value) -> Result<Value, HubError> {
        let body = body.to_string();
        self.answer(url, repo, &self.message(&body, LFS))
    }

    /// The answer to lines of JSON, which are sent once: they may have done their work although no answer came.
    pub(super) fn lines(&self, url: &str, repo: &Repo, body: &str) -> Result<Value, HubError> {
        let message = Message {
            most: 1,
            ..self.message(body, LINES)
        };
        self.answer(url, repo, &message)
    }

    /// Tells a body of JSON, whose answer says nothing.
    pub(super) fn told(&self, url: &str, repo: &Repo, body: &Value) -> Result<(), HubError> {
        let body = body.to_string();
        self.post(url, repo, &self.message(&body, JSON), &[])
            .map(drop)
    }

    fn message<'a>(&self, body: &'a str, kind: &'static str) -> Message<'a> {
        Message {
            body,
            kind,
            most: self.remote.config.attempts,
        }
    }

    fn answer(&self, url: &str, repo: &Repo, message: &Message<'_>) -> Result<Value, HubError> {
        let response = self.post(url, repo, message, &[])?;
        let text = bounded_text(response, ANSWER_BYTES).ok().flatten();
        let value = text.and_then(|text| serde_json::from_str(&text).ok());
        value.ok_or_else(|| self.damaged(url, "an answer in JSON", "another"))
    }

    fn post(
        &self,
        url: &str,
        repo: &Repo,
        message: &Message<'_>,
        also_good: &[u16],
    ) -> Result<Response<Body>, HubError> {
        debug!(url = self.remote.clean(url), "a request that sends");
        self.remote.tried(url, message.most, || {
            let request = self.remote.client().post(url);
            let request = request.header("content-type", message.kind);
            let request = request.header("accept", message.kind.replace(LINES, JSON));
            self.sent(
                url,
                repo,
                also_good,
                self.signed(url, request).send(message.body),
            )
        })
    }

    /// One attempt to send a file.
    pub(super) fn put(
        &self,
        url: &str,
        repo: &Repo,
        size: u64,
        body: SendBody<'_>,
    ) -> Result<(), Failure> {
        let request = self.remote.client().put(url);
        let request = request.header("content-length", size.to_string());
        self.sent(url, repo, &[], self.signed(url, request).send(body))
            .map(drop)
    }

    /// A request with the token where it may go: the host of large files is not told it.
    fn signed<B>(&self, url: &str, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.remote.config.token {
            Some(token) if self.remote.is_told(url) => {
                request.header("authorization", token.secret.header())
            }
            _ => request,
        }
    }

    fn sent(
        &self,
        url: &str,
        repo: &Repo,
        also_good: &[u16],
        answer: Result<Response<Body>, idiolect_http::RequestError>,
    ) -> Result<Response<Body>, Failure> {
        let response = answer.map_err(|error| Failure::Again {
            found: self.remote.clean(&problem(&error)),
            wait: None,
        })?;
        let status = response.status();
        if status.is_success() || also_good.contains(&status.as_u16()) {
            return Ok(response);
        }
        Err(self
            .remote
            .refusal(url, response, Asked { repo, file: None }))
    }

    pub(super) fn damaged(&self, url: &str, expected: &str, found: &str) -> HubError {
        match self.remote.damaged(url, expected, found) {
            Failure::Final(error) => *error,
            Failure::Again { found, .. } => HubError::Damaged {
                url: url.to_owned(),
                expected: expected.to_owned(),
                found,
            },
        }
    }
}
