//! Requests to the Hub: where they may lead, who is told the token, and what a refusal means.
//!
//! Source: `huggingface_hub` 2.4, `utils/_http.py` (codes of refusals) and `file_download.py` (redirections).

use std::thread;
use std::time::Duration;

use idiolect_http::{
    Body, Client, Response, Timeouts, asked_wait, bounded_text, is_loopback, problem,
};
use idiolect_input::shown;
use tracing::debug;

use crate::error::Missing;
use crate::repo::Repo;
use crate::token_state::TokenState;
use crate::{HubConfig, HubError};

/// Redirections that are followed from one address.
const REDIRECTS: usize = 5;
/// The longest wait that the Hub may ask for.
const PATIENCE: Duration = Duration::from_mins(5);
/// The most bytes of a refusal that are read.
const REFUSAL_BYTES: u64 = 1 << 16;

/// The Hub and the way to it.
#[derive(Debug)]
pub(crate) struct Remote {
    client: Client,
    pub(crate) config: HubConfig,
}

/// Why an attempt brought nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Another attempt may do.
    Again {
        found: String,
        wait: Option<Duration>,
    },
    /// None will.
    Final(Box<HubError>),
}

/// What is asked for, for the words of a refusal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) repo: &'a Repo,
    /// None for a list.
    pub(crate) file: Option<&'a str>,
}

/// What an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What the Hub says of a file, in the head of its own answer.
    Head,
    /// A list or another answer of its interface.
    List,
    /// Bytes of a file from here on, wherever they lie.
    Content { from: u64 },
}

impl Remote {
    pub(crate) fn new(config: HubConfig) -> Self {
        let silent = Some(config.timeout);
        let client = Client::new(Timeouts {
            whole: None,
            connect: silent,
            read: silent,
        });
        Self { client, config }
    }

    /// What sends requests.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// One attempt: the answer with status 200 or 206, or a redirection away from the endpoint, which is followed
    /// for content alone.
    pub(crate) fn call(
        &self,
        url: &str,
        purpose: Purpose,
        asked: Asked<'_>,
    ) -> Result<Response<Body>, Failure> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS {
            let response = self.send(&url, purpose)?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            if !status.is_redirection() {
                return Err(self.refusal(&url, response, asked));
            }
            let location = response.headers().get("location");
            let location = location.and_then(|value| value.to_str().ok());
            let next = self.next(&url, location.unwrap_or_default().trim())?;
            let follows_all = matches!(purpose, Purpose::Content { .. });
            if !follows_all && !same_origin(&self.config.endpoint, &next) {
                return Ok(response);
            }
            url = next;
        }
        let found = format!("more than {REDIRECTS} redirections");
        Err(self.damaged(&url, "a file", &found))
    }

    fn send(&self, url: &str, purpose: Purpose) -> Result<Response<Body>, Failure> {
        debug!(?purpose, url = self.clean(url), "a request");
        let request = match purpose {
            Purpose::Head => self.client.head(url),
            Purpose::List | Purpose::Content { .. } => self.client.get(url),
        };
        let mut request = request.header("accept-encoding", "identity");
        if let Purpose::Content { from: from @ 1.. } = purpose {
            request = request.header("range", format!("bytes={from}-"));
        }
        if let (Some(token), true) = (&self.config.token, self.is_told(url)) {
            request = request.header("authorization", token.secret.header());
        }
        request.call().map_err(|error| Failure::Again {
            found: self.clean(&problem(&error)),
            wait: None,
        })
    }

    /// The token goes to the endpoint and nowhere else, and over plain http to this machine alone.
    pub(crate) fn is_told(&self, url: &str) -> bool {
        let private = match url.split_once("://") {
            Some(("http", rest)) => is_loopback(rest.split('/').next().unwrap_or_default()),
            _ => true,
        };
        private && same_origin(&self.config.endpoint, url)
    }

    /// What errors say of the token.
    pub(crate) fn token_state(&self) -> TokenState {
        match &self.config.token {
            None => TokenState::None,
            Some(token) if self.is_told(&self.config.endpoint) => TokenState::Sent {
                source: token.source.clone(),
            },
            Some(token) => TokenState::Withheld {
                source: token.source.clone(),
            },
        }
    }

    /// Where a redirection or the next page of a list leads; from https never to plain http.
    pub(crate) fn next(&self, url: &str, location: &str) -> Result<String, Failure> {
        let next = match location.split_once("://") {
            Some(("http" | "https", _)) => location.to_owned(),
            None if location.starts_with('/') && !location.starts_with("//") => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
                let host = rest.split('/').next().unwrap_or_default();
                format!("{scheme}://{host}{location}")
            }
            _ => return Err(self.damaged(url, "a redirection to an address", location)),
        };
        if url.starts_with("https://") && !next.starts_with("https://") {
            return Err(self.damaged(url, "a redirection to https", &next));
        }
        Ok(next)
    }

    pub(crate) fn refusal(&self, url: &str, response: Response<Body>, asked: Asked<'_>) -> Failure {
        let status = response.status().as_u16();
        let said = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let (code, message) = (said("x-error-code"), said("x-error-message"));
        let wait = asked_wait(response.headers());
        let body = bounded_text(response, REFUSAL_BYTES).ok().flatten();
        let message = message.or(body).unwrap_or_default();
        let message = self.clean(message.trim());
        if matches!(status, 408 | 425 | 429 | 500..=599) {
            // The answer to HEAD has no words.
            let colon = if message.is_empty() { "" } else { ": " };
            let found = format!("status {status}{colon}{message}");
            return Failure::Again { found, wait };
        }
        let token = self.token_state();
        let not_found = |missing| HubError::NotFound {
            repo: asked.repo.to_string(),
            missing,
            token: self.token_state(),
        };
        let file = || Missing::File(asked.file.unwrap_or_default().to_owned());
        let error = match (code.as_deref(), status) {
            (Some("GatedRepo"), _) => HubError::Gated {
                page: asked.repo.page(&self.config.endpoint),
                repo: asked.repo.to_string(),
                status,
                token,
            },
            (Some("RevisionNotFound"), _) => not_found(Missing::Revision),
            (Some("EntryNotFound"), _) => not_found(file()),
            (None, 404) if asked.file.is_some() => not_found(file()),
            (Some("RepoNotFound"), _) | (None, 404) => not_found(Missing::Repository),
            _ => HubError::Refused {
                url: self.clean(url),
                status,
                message,
                token,
            },
        };
        Failure::Final(Box::new(error))
    }

    pub(crate) fn damaged(&self, url: &str, expected: &str, found: &str) -> Failure {
        Failure::Final(Box::new(HubError::Damaged {
            url: self.clean(url),
            expected: expected.to_owned(),
            found: self.clean(found),
        }))
    }

    /// A server's words as an error may show them: short, safe, without the token and without the signature of an
    /// address.
    pub(crate) fn clean(&self, text: &str) -> String {
        let text = match &self.config.token {
            Some(token) => token.secret.redact(text),
            None => text.to_owned(),
        };
        let text = match text.split_once('?') {
            Some((address, _)) if address.contains("://") && !address.contains(' ') => address,
            _ => &text,
        };
        shown(text, 300).into_owned()
    }

    /// Attempts until one brings something, `most` of them.
    pub(crate) fn tried<T>(
        &self,
        url: &str,
        most: u32,
        mut attempt: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, HubError> {
        let mut attempts = 0;
        loop {
            match attempt() {
                Ok(value) => return Ok(value),
                Err(failure) => {
                    attempts += 1;
                    self.pause(url, failure, attempts, most)?;
                }
            }
        }
    }

    /// Waits before another attempt, or says why there will be none.
    pub(crate) fn pause(
        &self,
        url: &str,
        failure: Failure,
        attempts: u32,
        most: u32,
    ) -> Result<(), HubError> {
        let (mut found, wait) = match failure {
            Failure::Again { found, wait } => (found, wait),
            Failure::Final(error) => return Err(*error),
        };
        let asked = wait.unwrap_or_default();
        let is_patient = asked <= PATIENCE;
        if !is_patient {
            found = format!("{found}, and to wait {} s", asked.as_secs());
        }
        if attempts >= most || !is_patient {
            return Err(HubError::Unreachable {
                url: self.clean(url),
                found,
                attempts,
            });
        }
        let doubled = 2_u32.saturating_pow(attempts - 1).min(10);
        thread::sleep((self.config.first_wait * doubled).max(asked));
        Ok(())
    }
}

/// Whether two addresses have one scheme, host and port.
fn same_origin(a: &str, b: &str) -> bool {
    let origin = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
        let port = if scheme == "https" { ":443" } else { ":80" };
        let host = host.strip_suffix(port).unwrap_or(&host).to_owned();
        Some((scheme.to_ascii_lowercase(), host))
    };
    origin(a).is_some_and(|a| Some(a) == origin(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Token;
    use idiolect_http::Secret;

    fn remote(endpoint: &str) -> Remote {
        let token = Token {
            secret: Secret::new("hf_secret").unwrap(),
            source: "HF_TOKEN".into(),
        };
        Remote::new(HubConfig {
            endpoint: endpoint.into(),
            token: Some(token),
            ..HubConfig::new("cache".into())
        })
    }

    #[test]
    fn the_token_goes_to_the_endpoint_alone() {
        let hub = remote("https://huggingface.co");
        assert!(hub.is_told("https://huggingface.co/a/b"));
        assert!(hub.is_told("https://HuggingFace.co:443/a/b"));
        for url in [
            "http://huggingface.co/a",
            "https://cdn.huggingface.co/a",
            "https://huggingface.co.example.org/a",
            "https://huggingface.co:8443/a",
            "https://user@huggingface.co/a",
            "https://example.org/https://huggingface.co",
        ] {
            assert!(!hub.is_told(url), "{url}");
        }
        assert!(remote("http://127.0.0.1:80").is_told("http://127.0.0.1/a"));
        let plain = remote("http://mirror.example");
        assert!(!plain.is_told("http://mirror.example/a"));
        let expected =
            "the token of HF_TOKEN was not sent, for everybody on the way reads plain http";
        assert_eq!(plain.token_state().to_string(), expected);
    }

    #[test]
    fn redirections() {
        let hub = remote("https://huggingface.co");
        let next = |location: &str| {
            hub.next("https://huggingface.co/a/b?c=d", location)
                .map_err(|failure| match failure {
                    Failure::Final(error) => error.to_string(),
                    Failure::Again { .. } => unreachable!(),
                })
        };
        assert_eq!(next("/x/y?z").unwrap(), "https://huggingface.co/x/y?z");
        assert_eq!(
            next("https://cdn.example/x").unwrap(),
            "https://cdn.example/x"
        );
        let down = next("http://cdn.example/x?signature=1").unwrap_err();
        let expected = "https://huggingface.co/a/b: expected a redirection to https, found http://cdn.example/x";
        assert_eq!(down, expected);
        for location in ["", "//cdn.example/x", "file:///etc/passwd", "x/y"] {
            assert!(next(location).is_err(), "{location}");
        }
    }
}
