//! What a server is begun with, and what each request may take of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use idiolect_http::Secret;
use idiolect_lm::ModelSettings;

use crate::{NamedAdapter, ServeError};

/// The environment variable that holds the key where no other is named.
pub const KEY_VARIABLE: &str = "IDIOLECT_API_KEY";

/// What a server is begun with.
#[derive(Debug, Clone)]
pub struct ServeSettings {
    /// The model.
    pub model: ModelSettings,
    /// Adapters of it, each under a name that requests ask for. Default: none.
    pub adapters: Vec<NamedAdapter>,
    /// Where it listens. Default: 127.0.0.1:8000; port 0 is any that is free.
    pub address: SocketAddr,
    /// What requests must send as `authorization: Bearer`. Default: none, which is refused at addresses that other
    /// machines reach.
    pub key: Option<Secret>,
    /// What requests may take.
    pub limits: ServeLimits,
    /// From which the seed of each request comes that brings none. Default: 42.
    pub seed: u64,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            model: ModelSettings::default(),
            adapters: Vec::new(),
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000),
            key: None,
            limits: ServeLimits::default(),
            seed: 42,
        }
    }
}

/// The longest time that can be set.
const YEAR: Duration = Duration::from_hours(8760);

/// What requests may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeLimits {
    /// Bytes of a request's body, 1 to 1 GiB; default 2 MiB.
    pub max_body_bytes: usize,
    /// Tokens of a prompt, at least 1; the model's positions bound them further. Default: those alone.
    pub max_prompt_tokens: usize,
    /// New tokens of a text, 1 to 16777216; default 4096.
    pub max_new_tokens: usize,
    /// Tokens of all prompts and new tokens of a request together, at least 1; default 131072.
    pub max_request_tokens: usize,
    /// Texts of a request, prompts times `n`, 1 to 65536; default 128.
    pub max_choices: usize,
    /// Texts of a request that are computed together, 1 to 65536; default 8.
    pub batch_size: usize,
    /// Requests that wait for the model, 1 to 65536; default 128. More are answered with status 503.
    pub max_waiting: usize,
    /// Connections at once, 1 to 65536; default 256. More wait until one is closed.
    pub max_connections: usize,
    /// From a request's arrival to the end of its answer, above 0 and at most a year; default 10 minutes.
    pub timeout: Duration,
    /// How long a client may take to send a request's head or its body, or to read a part of the answer, above 0 and
    /// at most a year; default 30 s.
    pub client_timeout: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            max_body_bytes: 2 << 20,
            max_prompt_tokens: usize::MAX,
            max_new_tokens: 4096,
            max_request_tokens: 1 << 17,
            max_choices: 128,
            batch_size: 8,
            max_waiting: 128,
            max_connections: 256,
            timeout: Duration::from_mins(10),
            client_timeout: Duration::from_secs(30),
        }
    }
}

impl ServeSettings {
    /// Refuses what can be refused without a look at the model.
    ///
    /// # Errors
    ///
    /// [`ServeError::Setting`] for a limit out of its range, an address that other machines reach without a key, and
    /// names of adapters that are empty or given twice.
    pub fn check(&self) -> Result<(), ServeError> {
        let ServeLimits {
            max_body_bytes,
            max_prompt_tokens,
            max_new_tokens,
            max_request_tokens,
            max_choices,
            batch_size,
            max_waiting,
            max_connections,
            timeout,
            client_timeout,
        } = self.limits;
        let counts = [
            ("max_body_bytes", max_body_bytes, 1 << 30),
            ("max_prompt_tokens", max_prompt_tokens, usize::MAX),
            ("max_new_tokens", max_new_tokens, 1 << 24),
            ("max_request_tokens", max_request_tokens, usize::MAX),
            ("max_choices", max_choices, 1 << 16),
            ("batch_size", batch_size, 1 << 16),
            ("max_waiting", max_waiting, 1 << 16),
            ("max_connections", max_connections, 1 << 16),
        ];
        for (name, count, most) in counts {
            if !(1..=most).contains(&count) {
                return Err(ServeError::setting(name, format!("1 to {most}"), count));
            }
        }
        for (name, time) in [("timeout", timeout), ("client_timeout", client_timeout)] {
            if time.is_zero() || time > YEAR {
                let expected = format!("above 0 and at most {} seconds", YEAR.as_secs());
                return Err(ServeError::setting(name, expected, time.as_secs_f64()));
            }
        }
        if self.key.is_none() && !self.address.ip().is_loopback() {
            let expected =
                format!("a key (in {KEY_VARIABLE}) for an address that other machines reach");
            return Err(ServeError::setting(
                "key",
                expected,
                format!("none, at {}", self.address),
            ));
        }
        let names = self.adapters.iter().map(|adapter| adapter.name.as_str());
        for (at, name) in names.clone().enumerate() {
            if name.is_empty() || names.clone().take(at).any(|other| other == name) {
                let expected = "a name for each, none twice";
                return Err(ServeError::setting(
                    "adapter",
                    expected,
                    format!("{name:?}"),
                ));
            }
        }
        Ok(())
    }
}

/// The key that a server asks for: what the named variable holds, or else [`KEY_VARIABLE`] where that is set.
///
/// # Errors
///
/// [`ServeError::Setting`] for a named variable that is not set, and a value that no header can hold.
pub fn key_of(variable: Option<&str>) -> Result<Option<Secret>, ServeError> {
    let name = variable.unwrap_or(KEY_VARIABLE);
    if variable.is_none() && std::env::var_os(name).is_none() {
        return Ok(None);
    }
    let key = Secret::from_environment(name);
    let refused = |error: idiolect_http::SecretError| {
        ServeError::setting("key_variable", format!("a key in {name}"), error.found)
    };
    key.map(Some).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(settings: &ServeSettings) -> String {
        settings.check().unwrap_err().to_string()
    }

    #[test]
    fn other_machines_need_a_key() {
        let mut settings = ServeSettings {
            address: "0.0.0.0:0".parse().unwrap(),
            ..ServeSettings::default()
        };
        assert!(told(&settings).starts_with("key: expected a key (in IDIOLECT_API_KEY)"));
        settings.key = Some(Secret::new("sk-0123456789").unwrap());
        assert!(settings.check().is_ok());
        assert!(ServeSettings::default().check().is_ok());
    }

    #[test]
    fn limits_of_nothing_and_names_given_twice_are_refused() {
        let mut settings = ServeSettings::default();
        settings.limits.max_waiting = 0;
        assert_eq!(told(&settings), "max_waiting: expected 1 to 65536, found 0");
        for client_timeout in [Duration::ZERO, Duration::MAX] {
            settings.limits = ServeLimits {
                client_timeout,
                ..ServeLimits::default()
            };
            assert!(told(&settings).starts_with("client_timeout"));
        }
        settings.limits = ServeLimits::default();
        let adapter: NamedAdapter = "a=b".parse().unwrap();
        settings.adapters = vec![adapter.clone(), adapter];
        assert!(told(&settings).starts_with("adapter: expected a name for each"));
    }
}
