//! The key: read from the environment, sent in a header, shown to nobody.

use std::fmt;

use crate::TeacherError;

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
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let key = Key("sk-secret".into());
        assert_eq!(format!("{key:?} {key:#?}"), "Key(***) Key(***)");
        assert_eq!(
            key.redact("bad key sk-secret, sk-secret!"),
            "bad key ***, ***!"
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
