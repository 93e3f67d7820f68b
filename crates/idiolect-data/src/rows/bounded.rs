//! A row of JSON as a value, with a bound on how many values are in it.
//!
//! A line of JSON may ask for thirty times its bytes of memory, so values are counted while they are made.
//! What is made is what `serde_json` makes.

use std::cell::Cell;
use std::fmt;
use std::sync::OnceLock;

use idiolect_input::{LimitError, limits};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Deserializer, Map, Number, Value};

/// What is read of one row or value; the limit is looked up once for the program.
#[derive(Debug)]
struct BoundedValue(Value);

static MOST: OnceLock<u64> = OnceLock::new();

/// Looks the limit up, so that a wrong variable is an error before the first row.
pub(crate) fn prepare() -> Result<(), LimitError> {
    let most = limits::ROW_VALUES.value()?;
    MOST.get_or_init(|| most);
    Ok(())
}

/// The value that a text is. A text of fewer bytes than values are allowed needs no counting.
pub(crate) fn bounded_value(text: &str) -> serde_json::Result<Value> {
    if text.len() as u64 <= *MOST.get_or_init(|| limits::ROW_VALUES.default) {
        return serde_json::from_str(text);
    }
    serde_json::from_str(text).map(|BoundedValue(value)| value)
}

/// The value with which a text begins, and its length; none where there is none.
pub(crate) fn first_value(text: &str) -> Option<serde_json::Result<(Value, usize)>> {
    let most = *MOST.get_or_init(|| limits::ROW_VALUES.default);
    let head = &text[..text.floor_char_boundary(usize::try_from(most).unwrap_or(usize::MAX))];
    let mut values = Deserializer::from_str(head).into_iter::<Value>();
    if let Some(Ok(value)) = values.next() {
        let length = values.byte_offset();
        // A number at the end of the head may go on behind it.
        if length < head.len() || head.len() == text.len() {
            return Some(Ok((value, length)));
        }
    }
    let mut values = Deserializer::from_str(text).into_iter();
    let found = values.next()?;
    Some(found.map(|BoundedValue(value)| (value, values.byte_offset())))
}

impl<'de> Deserialize<'de> for BoundedValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let most = *MOST.get_or_init(|| limits::ROW_VALUES.default);
        bounded(deserializer, most).map(Self)
    }
}

fn bounded<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
    most: u64,
) -> Result<Value, D::Error> {
    let left = Cell::new(most);
    Counted { most, left: &left }.deserialize(deserializer)
}

#[derive(Clone, Copy)]
struct Counted<'a> {
    most: u64,
    left: &'a Cell<u64>,
}

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Some(left) = self.left.get().checked_sub(1) else {
            let error = limits::ROW_VALUES.exceeded(self.most, "more");
            return Err(D::Error::custom(error));
        };
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any valid JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = map.next_key()? {
            let key: String = key;
            fields.insert(key, map.next_value_seed(self)?);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, most: u64) -> Result<Value, String> {
        let mut source = serde_json::Deserializer::from_str(text);
        bounded(&mut source, most).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_those_of_the_library() {
        let text = r#"{"a": [1, -2, 2.5, 1e400, true, null, "x\u00e9\n", 18446744073709551615], "b": {"a": {}}, "a": 3}"#;
        for text in [text, "[]", "7", "\"t\"", &text.replace("1e400", "1e300")] {
            let expected = serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
            assert_eq!(read(text, 100), expected, "{text}");
        }
    }

    #[test]
    fn more_values_than_the_limit_are_refused_by_its_name() {
        assert!(read("[1, {\"a\": 2}]", 4).is_ok());
        let error = read("[1, {\"a\": 2}]", 3).unwrap_err();
        let expected = "expected at most 3 values in a row, found more";
        assert!(error.starts_with(expected), "{error}");
        assert!(error.contains("IDIOLECT_LIMIT_ROW_VALUES"), "{error}");
    }
}
