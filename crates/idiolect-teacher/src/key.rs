//! The key: read from the environment, sent in a header, shown to nobody.

use std::fmt;

use serde_json::{Map, Value};

use crate::TeacherError;

/// Shorter values are placeholders of servers without keys, such as `EMPTY`, and may well be a word of a text.
const SECRET_BYTES: usize = 8;

/// A secret; it has no way out but [`Self::header`].
#[derive(Clone)]
pub(crate) struct Key(String);

impl Key {
    pub(crate) fn from_environment(variable: &str) -> Result<Self, TeacherError> {
        let wrong = |found| TeacherError::Key {
            variable: variable.to_owned(),
            found,
        };
        let value = std::env::var(variable).map_err(|error| {
            wrong(match error {
                std::env::VarError::NotPresent => "nothing",
                std::env::VarError::NotUnicode(_) => "bytes that are no text",
            })
        })?;
        let value = value.trim();
        if value.is_empty() {
            return Err(wrong("an empty value"));
        }
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("characters that no header may have"));
        }
        Ok(Self(value.to_owned()))
    }

    /// The value of the header `authorization`.
    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// A text without the key, for a server may repeat it.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }

    /// A whole answer without the key, whose texts are journaled and become training rows.
    ///
    /// It is left alone for a key of less than eight characters, which is no secret.
    pub(crate) fn redact_answer(&self, answer: Value) -> Value {
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

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let key = Key("sk-secret".into());
        assert_eq!(format!("{key:?} {key:#?}"), "Key(***) Key(***)");
        assert_eq!(
            key.redact("bad key sk-secret, sk-secret!"),
            "bad key ***, ***!"
        );
        let answer = json!({"a sk-secret": ["sk-secret", 1, {"b": "xsk-secretx"}], "c": null});
        let clean = json!({"a ***": ["***", 1, {"b": "x***x"}], "c": null});
        assert_eq!(key.redact_answer(answer), clean);
        let placeholder = json!("EMPTY is a word");
        assert_eq!(
            Key("EMPTY".into()).redact_answer(placeholder.clone()),
            placeholder
        );
        assert_eq!(key.header(), "Bearer sk-secret");
        let error = Key::from_environment("IDIOLECT_NO_SUCH_KEY")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "environment variable IDIOLECT_NO_SUCH_KEY: expected a key, found nothing"
        );
    }
}
