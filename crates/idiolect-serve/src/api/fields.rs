//! The fields of a body, taken one by one; what nobody takes is refused.

use idiolect_data::settings::nearest_name;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::harmless::check_rest;
use crate::refusal::Refusal;

/// The fields of a body that nobody has taken yet. A field that is null is as good as none.
pub(super) struct Fields {
    rest: Map<String, Value>,
    /// Names that were asked for, whether they were there or not.
    asked: Vec<String>,
}

impl Fields {
    /// Reads a body.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| Refusal::request(400, format!("the body is no JSON: {error}")))?;
        let Value::Object(mut fields) = value else {
            return Err(Refusal::request(400, "the body is no JSON object"));
        };
        fields.retain(|_, value| !value.is_null());
        let asked = Vec::new();
        Ok(Self {
            rest: fields,
            asked,
        })
    }

    /// A field as it is.
    pub(super) fn value(&mut self, name: &str) -> Option<Value> {
        self.asked.push(name.to_owned());
        self.rest.remove(name)
    }

    /// A field that must be there.
    pub(super) fn needed(&mut self, name: &str, expected: &str) -> Result<Value, Refusal> {
        let found = self.value(name);
        let others: Vec<String> = self.rest.keys().cloned().collect();
        let near = || match nearest_name(name, &others) {
            Some(near) => format!("nothing, but a field {near}"),
            None => "nothing".to_owned(),
        };
        found.ok_or_else(|| Refusal::expected(name, expected, near()))
    }

    /// A field of a type.
    pub(super) fn take<T: DeserializeOwned>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let found = kind(&value);
        let parsed = serde_json::from_value(value);
        parsed
            .map_err(|_| Refusal::expected(name, expected, found))
            .map(Some)
    }

    /// Refuses what nobody took and what would change the answer.
    pub(super) fn end(self) -> Result<(), Refusal> {
        let mut rest = self.rest.iter();
        rest.try_for_each(|(name, value)| check_rest(name, value, &self.asked))
    }
}

/// What a value is, in few words.
pub(super) fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(_) => "a string".into(),
        Value::Array(_) => "an array".into(),
        Value::Object(_) => "an object".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_another_kind_is_named() {
        let mut fields = Fields::parse(br#"{"n": "two", "seed": null, "top_p": 0.5}"#)
            .unwrap_or_else(|_| unreachable!());
        let error = fields.take::<usize>("n", "a whole number").unwrap_err();
        assert_eq!(error.message, "n: expected a whole number, found a string");
        assert_eq!(error.param.as_deref(), Some("n"));
        assert_eq!(fields.take::<u64>("seed", "a number").ok().flatten(), None);
        assert_eq!(fields.end().unwrap_err().param.as_deref(), Some("top_p"));
    }

    #[test]
    fn a_mistyped_field_is_answered_with_the_one_that_is_known() {
        let fields = || {
            Fields::parse(br#"{"promt": "x", "temprature": 0}"#).unwrap_or_else(|_| unreachable!())
        };
        let error = fields().needed("prompt", "a text").unwrap_err();
        assert_eq!(
            error.message,
            "prompt: expected a text, found nothing, but a field promt"
        );
        let mut read = fields();
        assert_eq!(read.value("temperature"), None);
        assert_eq!(read.value("promt"), Some("x".into()));
        let error = read.end().unwrap_err().message;
        assert_eq!(
            error,
            "temprature: this server knows no such field; the nearest is temperature"
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in [&b"{"[..], b"[1]", b"", b"\xff", b"{\"a\": 1} x"] {
            assert_eq!(
                Fields::parse(body).err().map(|error| error.status),
                Some(400)
            );
        }
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        assert_eq!(
            Fields::parse(&deep).err().map(|error| error.status),
            Some(400)
        );
    }
}
