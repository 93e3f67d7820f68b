//! A key or token: sent in a header, shown to nobody.

use std::fmt;

use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

/// Shorter values are placeholders of servers without keys, such as `EMPTY`, and may well be a word of a text.
const SECRET_BYTES: usize = 8;

/// A value that no header can hold; it is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a key, found {found}")]
pub struct SecretError {
    /// What is wrong with it.
    pub found: &'static str,
}

/// A secret; it has no way out but [`Self::header`], and is compared with one by [`Self::is_header`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text without blanks around it.
    ///
    /// # Errors
    ///
    /// [`SecretError`] for an empty text, and for what a header may not hold.
    pub fn new(value: &str) -> Result<Self, SecretError> {
        let value = value.trim();
        let found = if value.is_empty() {
            "an empty value"
        } else if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            "characters that no header may have"
        } else {
            return Ok(Self(value.to_owned()));
        };
        Err(SecretError { found })
    }

    /// What an environment variable holds.
    ///
    /// # Errors
    ///
    /// [`SecretError`] where it holds nothing, or as for [`Self::new`].
    pub fn from_environment(variable: &str) -> Result<Self, SecretError> {
        let value = std::env::var(variable).map_err(|error| SecretError {
            found: match error {
                std::env::VarError::NotPresent => "nothing",
                std::env::VarError::NotUnicode(_) => "bytes that are no text",
            },
        })?;
        Self::new(&value)
    }

    /// The value of the header `authorization`.
    #[must_use]
    pub fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// Whether a header `authorization` holds the secret; the time that it takes tells nothing of where they differ.
    #[must_use]
    pub fn is_header(&self, value: &[u8]) -> bool {
        self.header().as_bytes().ct_eq(value).into()
    }

    /// A text without the secret, for a server may repeat it.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }

    /// A whole answer without the secret.
    ///
    /// It is left alone for one of less than eight characters, which is a placeholder and may be a word of a text.
    #[must_use]
    pub fn redact_answer(&self, answer: Value) -> Value {
        if self.0.len() < SECRET_BYTES {
            return answer;
        }
        match answer {
            Value::String(text) => Value::String(self.redact(&text)),
            Value::Array(values) => {
                let values = values.into_iter().map(|value| self.redact_answer(value));
                Value::Array(values.collect())
            }
            Value::Object(fields) => {
                let fields = fields.into_iter();
                let clean = |(name, value): (String, Value)| {
                    (self.redact(&name), self.redact_answer(value))
                };
                Value::Object(fields.map(clean).collect::<Map<_, _>>())
            }
            other => other,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let key = Secret::new(" sk-secret\n").unwrap();
        assert_eq!(format!("{key:?} {key:#?}"), "Secret(***) Secret(***)");
        assert_eq!(
            key.redact("bad key sk-secret, sk-secret!"),
            "bad key ***, ***!"
        );
        let answer = json!({"a sk-secret": ["sk-secret", 1, {"b": "xsk-secretx"}], "c": null});
        let clean = json!({"a ***": ["***", 1, {"b": "x***x"}], "c": null});
        assert_eq!(key.redact_answer(answer), clean);
        let placeholder = json!("EMPTY is a word");
        assert_eq!(
            Secret::new("EMPTY")
                .unwrap()
                .redact_answer(placeholder.clone()),
            placeholder
        );
        assert_eq!(key.header(), "Bearer sk-secret");
        assert!(key.is_header(b"Bearer sk-secret"));
        for other in ["Bearer sk-secreT", "Bearer sk-secret ", "sk-secret", ""] {
            assert!(!key.is_header(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_no_header_holds_is_refused_and_not_repeated() {
        let told = |value| Secret::new(value).unwrap_err().to_string();
        assert_eq!(told("  "), "expected a key, found an empty value");
        let expected = "expected a key, found characters that no header may have";
        assert_eq!(told("sk-a\nb"), expected);
        assert_eq!(told("sk-ä"), expected);
        let unset = Secret::from_environment("IDIOLECT_NO_SUCH_KEY").unwrap_err();
        assert_eq!(unset.found, "nothing");
    }
}
