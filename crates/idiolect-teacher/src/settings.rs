//! How a server is asked, as a user sets it in a file or on the command line.

use std::time::Duration;

use idiolect_completion::GenerationSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::budget::Budget;
use crate::config::{LimitField, Retries, TeacherConfig};
use crate::{Teacher, TeacherError};

/// How a server is asked; flat keys of a configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ServerSettings {
    /// The server's name for its model; by default the only one that it serves.
    pub server_model: Option<String>,
    /// Environment variable that holds the server's key, in capital letters, digits and underscores; by
    /// default no key is sent.
    pub key_variable: Option<String>,
    /// Requests under way at once, 1 to 1024; default 8.
    pub in_flight: usize,
    /// Seconds that one attempt may take, 1 to 31536000; default 300.
    pub timeout: u64,
    /// Attempts at a request before the run ends, at least 1; default 6. Those after which the server asks to
    /// wait, or says that its model is loading, do not count.
    pub attempts: u32,
    /// Seconds that a server may make a request wait in all, by Retry-After or because its model is loading, 0 to
    /// 31536000; default 600.
    pub max_wait: u64,
    /// How the most new tokens are named in a chat: auto (the default), `max_tokens` until a server asks for
    /// the other; `max_tokens`; or `max_completion_tokens`.
    pub limit_field: LimitField,
    /// Leave the temperature out, for servers that refuse it: theirs is used then; default false.
    pub omit_temperature: bool,
    /// The most tokens of prompts and texts that this call may spend; no limit by default.
    pub budget_tokens: Option<u64>,
    /// The most money that this call may spend, in the currency of the prices, 0 or more; no limit by default.
    pub budget_money: Option<f64>,
    /// Price of a million tokens of prompts, 0 or more; default 0.
    pub prompt_price: f64,
    /// Price of a million tokens of texts, 0 or more; default 0.
    pub text_price: f64,
    /// The most bytes of an answer, at least 1; default 67108864 (64 MiB).
    pub reply_bytes: u64,
    /// Allow http to other machines, over which key and texts can be read on the way; default false.
    pub plain_http: bool,
}

impl Default for ServerSettings {
    fn default() -> Self {
        let TeacherConfig {
            in_flight,
            timeout,
            retries,
            limit_field,
            omit_temperature,
            budget,
            reply_bytes,
            plain_http,
            ..
        } = TeacherConfig::new("");
        Self {
            server_model: None,
            key_variable: None,
            in_flight,
            timeout: timeout.as_secs(),
            attempts: retries.attempts,
            max_wait: retries.max_wait.as_secs(),
            limit_field,
            omit_temperature,
            budget_tokens: budget.tokens,
            budget_money: budget.money,
            prompt_price: budget.prompt_price,
            text_price: budget.text_price,
            reply_bytes,
            plain_http,
        }
    }
}

impl ServerSettings {
    /// Refuses values that are out of range.
    ///
    /// # Errors
    ///
    /// [`TeacherError::Setting`] names the first by its key; what is no variable's name may be a key, and is
    /// not repeated.
    pub fn check(&self) -> Result<(), TeacherError> {
        let config = self.config("", &GenerationSettings::default(), 0);
        config.check_values()
    }

    /// The configuration of the teacher at `url`, which is checked when it is opened; `seed` spreads the
    /// waits before retries.
    #[must_use]
    pub fn config(&self, url: &str, generation: &GenerationSettings, seed: u64) -> TeacherConfig {
        let plain = TeacherConfig::new(url);
        TeacherConfig {
            model: self.server_model.clone(),
            sampling: generation.sampling(),
            max_new_tokens: generation.max_new_tokens,
            stop: generation.stop.clone(),
            in_flight: self.in_flight,
            timeout: Duration::from_secs(self.timeout),
            retries: Retries {
                attempts: self.attempts,
                max_wait: Duration::from_secs(self.max_wait),
                ..plain.retries
            },
            limit_field: self.limit_field,
            omit_temperature: self.omit_temperature,
            budget: self.budget(),
            key_variable: self.key_variable.clone(),
            reply_bytes: self.reply_bytes,
            plain_http: self.plain_http,
            seed,
            ..plain
        }
    }

    fn budget(&self) -> Budget {
        Budget {
            tokens: self.budget_tokens,
            money: self.budget_money,
            prompt_price: self.prompt_price,
            text_price: self.text_price,
        }
    }
}

impl Teacher {
    /// The teacher at `url`, such as `https://host/v1`, asked and sampled as a user's settings say.
    ///
    /// `seed` spreads the waits before retries; each request brings the seed of its own text.
    ///
    /// # Errors
    ///
    /// As [`Teacher::new`].
    pub fn from_settings(
        url: &str,
        server: &ServerSettings,
        generation: &GenerationSettings,
        seed: u64,
    ) -> Result<Self, TeacherError> {
        Self::new(server.config(url, generation, seed))
    }
}

#[cfg(test)]
mod tests {
    use idiolect_completion::Sampler;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_defaults_are_the_teachers_own_and_every_key_is_in_the_schema() {
        let defaults = json!({
            "server_model": null, "key_variable": null, "in_flight": 8, "timeout": 300, "attempts": 6,
            "max_wait": 600, "limit_field": "auto", "omit_temperature": false,
            "budget_tokens": null, "budget_money": null, "prompt_price": 0.0, "text_price": 0.0,
            "reply_bytes": 67_108_864, "plain_http": false,
        });
        let settings = ServerSettings::default();
        assert_eq!(serde_json::to_value(&settings).unwrap(), defaults);
        assert_eq!(
            serde_json::from_value::<ServerSettings>(json!({})).unwrap(),
            settings
        );
        settings.check().unwrap();
        let schema = schemars::schema_for!(ServerSettings).to_value();
        let keys = schema["properties"].as_object().unwrap().keys();
        assert!(keys.eq(defaults.as_object().unwrap().keys()));
    }

    #[test]
    fn values_out_of_range_are_named_by_their_key() {
        let told = |value| {
            let settings: ServerSettings = serde_json::from_value(value).unwrap();
            settings.check().unwrap_err().to_string()
        };
        let variable = told(json!({"key_variable": "sk-secret"}));
        assert!(variable.starts_with("key_variable: ") && !variable.contains("secret"));
        for key in ["in_flight", "timeout", "attempts", "reply_bytes"] {
            let error = told(json!({key: 0}));
            assert!(error.starts_with(&format!("{key}: expected ")), "{error}");
        }
        for key in ["budget_money", "prompt_price", "text_price"] {
            assert_eq!(
                told(json!({key: -1.5})),
                format!("{key}: expected 0 or more, found -1.5")
            );
        }
        let nan = ServerSettings {
            text_price: f64::NAN,
            ..ServerSettings::default()
        };
        assert!(nan.check().is_err());
    }

    #[test]
    fn settings_reach_the_teacher() {
        let settings = ServerSettings {
            server_model: Some("m".into()),
            timeout: 7,
            attempts: 2,
            max_wait: 9,
            limit_field: LimitField::MaxCompletionTokens,
            omit_temperature: true,
            budget_tokens: Some(9),
            ..ServerSettings::default()
        };
        let generation = GenerationSettings {
            stop: vec!["###".into()],
            ..Sampler::Sdft2402.into()
        };
        let config = settings.config("https://a.b", &generation, 5);
        let plain = TeacherConfig::new("https://a.b");
        let expected = TeacherConfig {
            model: Some("m".into()),
            sampling: idiolect_completion::Sampling::SDFT_2402,
            max_new_tokens: 512,
            stop: vec!["###".into()],
            timeout: Duration::from_secs(7),
            retries: Retries {
                attempts: 2,
                max_wait: Duration::from_secs(9),
                ..plain.retries
            },
            limit_field: LimitField::MaxCompletionTokens,
            omit_temperature: true,
            budget: Budget {
                tokens: Some(9),
                ..Budget::default()
            },
            seed: 5,
            ..plain
        };
        assert_eq!(config, expected);
        assert!(Teacher::from_settings("http://a.b", &settings, &generation, 1).is_err());
    }
}
