//! A teacher behind an OpenAI-compatible server: its settings as typed, and the requests put to it.
#![allow(
    clippy::doc_markdown,
    reason = "what clap prints as help has no markup"
)]

use std::time::Duration;

use clap::Args;
use idiolect::continuation::{BoxError, Completion, ContinuationRequest, Prompt, TextToText};
use idiolect::teacher::{self, Budget, Retries, Settings, Teacher, TeacherRequest, Turn};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::continuing::{budget, sampling};
use crate::error::CliError;
use crate::identity::Writer;
use crate::keys::SamplingKeys;
use crate::progress::bar;

/// How a server is asked.
#[derive(Args, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerKeys {
    /// The server's name for its model [default: the only one that it serves]
    #[arg(long, value_name = "NAME")]
    pub server_model: Option<String>,
    /// Environment variable that holds the server's key [default: no key is sent]
    #[arg(long, value_name = "VARIABLE")]
    pub key_variable: Option<String>,
    /// Requests under way at once [default: 8]
    #[arg(long)]
    pub in_flight: Option<usize>,
    /// Seconds that one attempt may take [default: 300]
    #[arg(long)]
    pub timeout: Option<u64>,
    /// Attempts at a request before the run ends [default: 6]
    #[arg(long)]
    pub attempts: Option<u32>,
    /// Most tokens of prompts and texts that this call may spend
    #[arg(long, value_name = "TOKENS")]
    pub budget_tokens: Option<u64>,
    /// Most money that this call may spend, in the currency of the prices
    #[arg(long, value_name = "MONEY", allow_negative_numbers = true)]
    pub budget_money: Option<f64>,
    /// Price of a million tokens of prompts [default: 0]
    #[arg(long, allow_negative_numbers = true)]
    pub prompt_price: Option<f64>,
    /// Price of a million tokens of texts [default: 0]
    #[arg(long, allow_negative_numbers = true)]
    pub text_price: Option<f64>,
    /// Allow http to other machines, over which key and texts can be read on the way
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub plain_http: Option<bool>,
}

impl ServerKeys {
    /// The teacher at `url`.
    ///
    /// # Errors
    ///
    /// [`CliError::Setting`] for a key where its variable's name belongs; [`CliError::Teacher`] for settings
    /// out of range, a variable without a key, and a server that does not tell its model.
    pub fn open(
        &self,
        url: &str,
        keys: &SamplingKeys,
        seed: u64,
    ) -> Result<ServerTeacher, CliError> {
        let plain = Settings::new(url);
        let retries = Retries {
            attempts: self.attempts.unwrap_or(plain.retries.attempts),
            ..plain.retries
        };
        let settings = Settings {
            model: self.server_model.clone(),
            sampling: sampling(keys),
            max_new_tokens: budget(keys),
            stop: keys.stop.clone(),
            in_flight: self.in_flight.unwrap_or(plain.in_flight),
            timeout: self.timeout.map_or(plain.timeout, Duration::from_secs),
            retries,
            budget: self.budget(),
            key_variable: self.variable()?,
            plain_http: self.plain_http.unwrap_or(false),
            seed,
            ..plain
        };
        let teacher = Teacher::new(settings.clone())?;
        Ok(ServerTeacher { teacher, settings })
    }

    fn budget(&self) -> Budget {
        Budget {
            tokens: self.budget_tokens,
            money: self.budget_money,
            prompt_price: self.prompt_price.unwrap_or(0.0),
            text_price: self.text_price.unwrap_or(0.0),
        }
    }

    /// The variable's name; what cannot be one may be the key itself, and is not repeated.
    fn variable(&self) -> Result<Option<String>, CliError> {
        let letters = |name: &str| {
            let digit = name.starts_with(|c: char| c.is_ascii_digit());
            !digit
                && name
                    .bytes()
                    .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_')
        };
        match &self.key_variable {
            Some(name) if name.is_empty() || !letters(name) => Err(CliError::setting(
                "--key-variable",
                "the name of an environment variable in capital letters",
                "another text",
            )),
            name => Ok(name.clone()),
        }
    }
}

/// A server and the settings that it is asked with.
pub struct ServerTeacher {
    /// The client.
    pub teacher: Teacher,
    settings: Settings,
}

impl ServerTeacher {
    /// The server's name for its model, and the sampler.
    ///
    /// The address is left out: a server may come back at another one.
    #[must_use]
    pub fn writer(&self) -> Writer {
        let Settings {
            sampling,
            max_new_tokens,
            stop,
            ..
        } = &self.settings;
        Writer {
            model: self.teacher.model().to_owned(),
            adapter: None,
            sampler: json!({
                "temperature": sampling.temperature, "top_k": sampling.top_k, "top_p": sampling.top_p,
                "min_p": sampling.min_p, "repetition_penalty": sampling.repetition_penalty,
                "stops": stop, "max_new_tokens": max_new_tokens,
            }),
        }
    }

    /// What was spent, in one line.
    #[must_use]
    pub fn spent(&self) -> String {
        let spent = self.teacher.spent();
        let money = self.settings.budget.money_for(&spent);
        format!(
            "{}: {} texts, {} tokens of prompts, {} of texts, {money:.4} of money",
            self.teacher.model(),
            spent.texts,
            spent.prompt_tokens,
            spent.text_tokens,
        )
    }
}

impl TextToText for ServerTeacher {
    fn complete(
        &mut self,
        requests: &[ContinuationRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let bar = bar("ask", requests.len());
        bar.inc(requests.iter().filter(|request| request.done).count() as u64);
        let pending = requests.iter().filter(|request| !request.done);
        let pending: Vec<_> = pending.map(request).collect();
        self.teacher.complete(&pending, &mut |done| {
            bar.inc(1);
            on_done(Completion {
                id: done.id,
                text: done.text,
                token_count: usize::try_from(done.token_count)?,
                passes: None,
                finish_reason: done.finish_reason,
            })
        })?;
        bar.finish_and_clear();
        Ok(())
    }
}

fn request(request: &ContinuationRequest) -> TeacherRequest {
    let prompt = match &request.prompt {
        Prompt::Text(text) => teacher::Prompt::Text(text.clone()),
        Prompt::Chat(turns) => {
            let turns = turns.iter().map(|turn| Turn {
                role: turn.role.as_str().to_owned(),
                content: turn.content.clone(),
            });
            teacher::Prompt::Chat(turns.collect())
        }
    };
    TeacherRequest {
        id: request.id.clone(),
        prompt,
        seed: request.seed,
    }
}
