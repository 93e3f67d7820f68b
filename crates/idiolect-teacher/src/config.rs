//! Which server, which model, how many at once, and how long to try.

use std::time::Duration;

use idiolect_completion::{Reasoning, Sampling};
use idiolect_http::is_loopback;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::TeacherError;
use crate::budget::Budget;
use crate::logprobs::AskedLogprobs;

/// The most requests under way at once, for each has a thread.
const MOST_IN_FLIGHT: usize = 1024;
/// The longest that an attempt may take: a year, which every clock can hold.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24 * 365);

/// A teacher behind an OpenAI-compatible interface, as a program sets it.
#[derive(Debug, Clone, PartialEq)]
pub struct TeacherConfig {
    /// Base address, such as `https://host/v1`.
    /// Without a scheme it is https, without a path `/v1` is added.
    pub url: String,
    /// The server's name for the model; without one the server must serve exactly one.
    pub model: Option<String>,
    /// How a token is chosen; greedy by default, as in arXiv 2409.00096.
    /// What is switched off is not sent: `top_k`, `min_p` and `repetition_penalty` are extensions that
    /// some servers refuse.
    pub sampling: Sampling,
    /// The most new tokens of a text, at least 1; default 512.
    pub max_new_tokens: usize,
    /// Texts that end a text, none of them empty; none by default.
    pub stop: Vec<String>,
    /// How the most new tokens are named in a chat; default [`LimitField::Auto`].
    pub limit_field: LimitField,
    /// Leaves the temperature out, for servers that refuse it: theirs is used then. Default false.
    pub omit_temperature: bool,
    /// What becomes of reasoning in a text; default [`Reasoning::Remove`].
    pub reasoning: Reasoning,
    /// The likeliest tokens at each token of a text, from servers that tell their ids (llama.cpp, vLLM); none are asked
    /// for by default. A reply without them, or with ids of another vocabulary, ends the run.
    pub logprobs: Option<AskedLogprobs>,
    /// Further fields of each request's body, which take the place of those above; null leaves one out.
    pub extra: Map<String, Value>,
    /// Requests under way at once, 1 to 1024; default 8.
    pub in_flight: usize,
    /// How long one attempt may take, from connecting to the last byte, above 0 and at most a year;
    /// default 5 minutes.
    pub timeout: Duration,
    /// How often and how slowly to try again.
    pub retries: Retries,
    /// What may be spent.
    pub budget: Budget,
    /// Environment variable that holds the key, in capital letters, digits and underscores; none is
    /// sent where this is `None`.
    pub key_variable: Option<String>,
    /// The most bytes of an answer, at least 1; default 64 MiB. A longer one is not asked for again.
    pub reply_bytes: u64,
    /// Allows http to other machines, over which the key and all texts can be read on the way.
    pub plain_http: bool,
    /// Spreads the waits before retries.
    pub seed: u64,
}

/// The name of the most new tokens in the body of a chat; a text to continue has `max_tokens` always.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LimitField {
    /// `max_tokens`, and `max_completion_tokens` from the first refusal on that asks for it.
    #[default]
    Auto,
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`, as `OpenAI`'s reasoning models want it.
    MaxCompletionTokens,
}

/// How often and how slowly to try again after status 408, 425, 429 and 5xx, after time-outs, broken
/// connections and answers that are cut off or no JSON.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retries {
    /// Attempts at a request, at least 1; default 6.
    /// Those after which the server says how long to wait, or that its model is loading, do not count.
    pub attempts: u32,
    /// The wait before the second attempt, half to the whole of it by chance; default 1 s.
    /// It doubles with each attempt.
    pub first_wait: Duration,
    /// The longest wait of one's own choice; default 60 s.
    pub longest_wait: Duration,
    /// How long a server may make a request wait in all, by `Retry-After` or because its model is loading;
    /// default 10 minutes.
    pub max_wait: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 6,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_mins(1),
            max_wait: Duration::from_mins(10),
        }
    }
}

impl TeacherConfig {
    /// A greedy teacher without a key.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            model: None,
            sampling: Sampling::GREEDY,
            max_new_tokens: 512,
            stop: Vec::new(),
            limit_field: LimitField::default(),
            omit_temperature: false,
            reasoning: Reasoning::default(),
            logprobs: None,
            extra: Map::new(),
            in_flight: 8,
            timeout: Duration::from_mins(5),
            retries: Retries::default(),
            budget: Budget::default(),
            key_variable: None,
            reply_bytes: 64 << 20,
            plain_http: false,
            seed: 42,
        }
    }

    /// Refuses what is out of range; returns the address in full.
    pub(crate) fn check(&self) -> Result<String, TeacherError> {
        self.check_values()?;
        self.address()
    }

    /// Refuses what is out of range, the address aside.
    pub(crate) fn check_values(&self) -> Result<(), TeacherError> {
        let at_least_1 = [
            ("max_new_tokens", self.max_new_tokens),
            (
                "logprobs",
                self.logprobs.as_ref().map_or(1, |asked| asked.count),
            ),
            ("in_flight", self.in_flight),
            ("attempts", self.retries.attempts as usize),
            ("reply_bytes", usize::from(self.reply_bytes > 0)),
        ];
        if let Some((name, _)) = at_least_1.into_iter().find(|(_, value)| *value == 0) {
            return Err(refused(name, "at least 1", "0"));
        }
        if self.in_flight > MOST_IN_FLIGHT {
            let expected = format!("at most {MOST_IN_FLIGHT}");
            return Err(refused("in_flight", &expected, &self.in_flight.to_string()));
        }
        if self.retries.max_wait > LONGEST_TIMEOUT {
            let (most, found) = (LONGEST_TIMEOUT.as_secs(), self.retries.max_wait.as_secs());
            let expected = format!("at most {most} seconds");
            return Err(refused("max_wait", &expected, &found.to_string()));
        }
        if self.timeout.is_zero() || self.timeout > LONGEST_TIMEOUT {
            let (most, found) = (LONGEST_TIMEOUT.as_secs(), self.timeout.as_secs_f64());
            let expected = format!("above 0 and at most {most} seconds");
            return Err(refused("timeout", &expected, &found.to_string()));
        }
        if let Err(error) = self.sampling.check() {
            return Err(refused("sampling", "values in range", &error.to_string()));
        }
        if self.stop.iter().any(String::is_empty) {
            return Err(refused("stop", "no empty text", "\"\""));
        }
        self.check_variable()?;
        self.budget.check()
    }

    /// What cannot be a variable's name may be the key itself, and is not repeated.
    fn check_variable(&self) -> Result<(), TeacherError> {
        let allowed = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_';
        let is_name = |name: &String| {
            let first_fits = name.starts_with(|c: char| !c.is_ascii_digit());
            first_fits && name.bytes().all(allowed)
        };
        if self.key_variable.as_ref().is_none_or(is_name) {
            return Ok(());
        }
        let expected = "the name of an environment variable in capital letters";
        Err(refused("key_variable", expected, "another text"))
    }

    fn address(&self) -> Result<String, TeacherError> {
        let url = self.url.trim().trim_end_matches('/');
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let wrong = |expected| Err(refused("url", expected, &hidden(url)));
        if !["http", "https"].contains(&scheme) {
            return wrong("an address that begins with https:// or http://");
        }
        if rest.contains(['@', '?', '#', ' ']) {
            return wrong("an address without user, question mark, fragment or blank");
        }
        let (host, path) = rest.split_once('/').unwrap_or((rest, "v1"));
        if host.is_empty() {
            return wrong("an address with a host");
        }
        if scheme == "http" && !self.plain_http && !is_loopback(host) {
            return wrong("https, for only this machine is asked over plain http");
        }
        Ok(format!("{scheme}://{host}/{path}"))
    }
}

fn refused(name: &'static str, expected: &str, found: &str) -> TeacherError {
    TeacherError::Setting {
        name,
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}

/// An address as errors may show it: without what a user may have put before an at sign or behind a
/// question mark.
fn hidden(url: &str) -> String {
    let shown = url.split(['?', '#']).next().unwrap_or_default();
    match shown.rsplit_once('@') {
        Some((_, host)) => format!("***@{host}"),
        None => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let address = |url: &str| {
            TeacherConfig::new(url)
                .check()
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            address("api.example.org").unwrap(),
            "https://api.example.org/v1"
        );
        assert_eq!(
            address("https://a.b/openai/v1/").unwrap(),
            "https://a.b/openai/v1"
        );
        assert_eq!(
            address("http://127.0.0.1:8080").unwrap(),
            "http://127.0.0.1:8080/v1"
        );
        assert!(address("http://[::1]:80/v1").is_ok() && address("http://localhost").is_ok());
        assert_eq!(
            address("http://localhost.example.org").unwrap_err(),
            "url: expected https, for only this machine is asked over plain http, \
             found http://localhost.example.org"
        );
        let plain = TeacherConfig {
            plain_http: true,
            ..TeacherConfig::new("http://a.b")
        };
        assert_eq!(plain.check().unwrap(), "http://a.b/v1");
        for url in [
            "https://me:secret@a.b",
            "https://a.b/v1?key=secret",
            "ftp://a.b",
            "https:///v1",
        ] {
            let error = address(url).unwrap_err();
            assert!(
                error.starts_with("url: expected ") && !error.contains("secret"),
                "{error}"
            );
        }
    }

    #[test]
    fn values_out_of_range() {
        let base = TeacherConfig::new("https://a.b");
        let told = |settings: TeacherConfig| settings.check().unwrap_err().to_string();
        assert_eq!(
            told(TeacherConfig {
                in_flight: 0,
                ..base.clone()
            }),
            "in_flight: expected at least 1, found 0"
        );
        let sampling = Sampling {
            top_p: 0.0,
            ..Sampling::GREEDY
        };
        assert!(
            told(TeacherConfig {
                sampling,
                ..base.clone()
            })
            .starts_with("sampling: ")
        );
        assert_eq!(
            told(TeacherConfig {
                in_flight: 2000,
                ..base.clone()
            }),
            "in_flight: expected at most 1024, found 2000"
        );
        let stop = vec![String::new()];
        let empty = TeacherConfig {
            stop,
            ..base.clone()
        };
        assert!(told(empty).starts_with("stop: "));
        for timeout in [Duration::ZERO, Duration::MAX] {
            let wrong = TeacherConfig {
                timeout,
                ..base.clone()
            };
            assert!(told(wrong).starts_with("timeout: "));
        }
        for name in ["sk-secret", "", "1A", "Ä"] {
            let wrong = TeacherConfig {
                key_variable: Some(name.into()),
                ..base.clone()
            };
            assert_eq!(
                told(wrong),
                "key_variable: expected the name of an environment variable in capital letters, \
                 found another text"
            );
        }
        let budget = Budget {
            money: Some(-1.0),
            ..Budget::default()
        };
        assert!(told(TeacherConfig { budget, ..base }).starts_with("budget_money: "));
    }
}
