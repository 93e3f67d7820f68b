//! Typed values out of the metadata of a GGUF file, each named with its key in errors.

use std::fmt::Display;
use std::path::Path;

use idiolect_input::shown;
use serde_json::Value;

use super::architecture::Architecture;
use super::header::Header;
use super::reader::Stored;
use crate::ModelError;

/// What a file says beside its tensors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metadata<'a> {
    /// The file, named in errors.
    pub(super) path: &'a Path,
    pub(super) header: &'a Header,
    /// Whose settings they are.
    pub(super) architecture: Architecture,
    /// Values of the tensor that stretches the rotary frequencies, where there is one.
    pub(super) rope_divisors: Option<&'a [f32]>,
}

impl Metadata<'_> {
    /// The full key of a setting of the architecture.
    pub(super) fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture.name())
    }

    /// A list whose every element `read` accepts; an absent one is empty.
    pub(super) fn list<T>(
        &self,
        key: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, ModelError> {
        let Some(stored) = self.header.metadata.get(key) else {
            return Ok(Vec::new());
        };
        let Stored::List(list) = stored else {
            return Err(self.wrong(key, "a list", stored));
        };
        let mut all = Vec::new();
        list.each(self.path, |place, value| {
            let read = read(value);
            let wrong = || self.wrong(&format!("{key}[{place}]"), "its list's type", value);
            all.push(read.ok_or_else(wrong)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// A setting of the architecture that must be there and positive.
    pub(super) fn count(&self, key: &str) -> Result<usize, ModelError> {
        let found = self.optional_count(key)?;
        found.ok_or_else(|| self.wrong(&self.key(key), "a positive whole number", &"nothing"))
    }

    /// A setting of the architecture; zero means unset, as in `llama.cpp`.
    pub(super) fn optional_count(&self, key: &str) -> Result<Option<usize>, ModelError> {
        let whole = |value: &Value| usize::try_from(value.as_u64()?).ok();
        Ok(self
            .get(&self.key(key), "one whole number", whole)?
            .filter(|n| *n > 0))
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<f64>, ModelError> {
        self.get(&self.key(key), "a number", Value::as_f64)
    }

    /// A special token's id; `name` is `bos`, `eos` and so on.
    pub(super) fn id(&self, name: &str) -> Result<Option<u32>, ModelError> {
        let key = format!("tokenizer.ggml.{name}_token_id");
        self.get(&key, "a token id", |value| value.as_u64()?.try_into().ok())
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, ModelError> {
        self.get(key, "a text", |value| value.as_str().map(Into::into))
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, ModelError> {
        self.get(key, "true or false", Value::as_bool)
    }

    /// The value under a full key, where it is there and `read` accepts it.
    pub(super) fn get<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, ModelError> {
        let Some(stored) = self.header.metadata.get(key) else {
            return Ok(None);
        };
        let value = stored.one().and_then(read);
        value
            .map(Some)
            .ok_or_else(|| self.wrong(key, expected, stored))
    }

    /// A setting that is not what it must be.
    pub(super) fn wrong(&self, key: &str, expected: &str, found: &dyn Display) -> ModelError {
        // A text in the place of a number would fill the screen.
        let found = found.to_string();
        let found = shown(&found, 60);
        ModelError::config(self.path, key, expected, found)
    }
}
