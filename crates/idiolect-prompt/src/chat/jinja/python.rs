//! Values as Python writes them: `str` and `repr`.

use std::fmt::Write;

use minijinja::value::{Value, ValueKind};

/// `str(value)`; of a text the text itself.
pub(super) fn text(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined => String::new(),
        ValueKind::String => value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned),
        _ => repr(value),
    }
}

/// `repr(value)`.
fn repr(value: &Value) -> String {
    match value.kind() {
        ValueKind::None => "None".to_owned(),
        ValueKind::Bool if value.is_true() => "True".to_owned(),
        ValueKind::Bool => "False".to_owned(),
        ValueKind::String => quoted(&text(value)),
        ValueKind::Number if !value.is_integer() => {
            f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float)
        }
        ValueKind::Seq => {
            let items = value.try_iter().into_iter().flatten();
            format!(
                "[{}]",
                items.map(|item| repr(&item)).collect::<Vec<_>>().join(", ")
            )
        }
        ValueKind::Map if is_dict(value) => {
            let keys = value.try_iter().into_iter().flatten();
            let pair = |key: Value| {
                let own = value.get_item(&key).unwrap_or_default();
                format!("{}: {}", repr(&key), repr(&own))
            };
            format!("{{{}}}", keys.map(pair).collect::<Vec<_>>().join(", "))
        }
        _ => value.to_string(),
    }
}

/// Whether a map is a dictionary, and no object of the engine that has attributes.
fn is_dict(value: &Value) -> bool {
    let object = value.as_object();
    object.is_some_and(|own| !own.type_name().ends_with("Namespace"))
}

/// `repr` of a floating-point number.
pub(super) fn float(number: f64) -> String {
    if !number.is_finite() {
        let names = [
            ("nan", number.is_nan()),
            ("inf", number > 0.0),
            ("-inf", true),
        ];
        let name = names.into_iter().find(|(_, is_it)| *is_it);
        return name.map_or("nan", |(name, _)| name).to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or(0) {
        exponent @ -4..16 => {
            let plain = format!("{number}");
            let is_whole = exponent >= 0 && !plain.contains('.');
            if is_whole {
                format!("{plain}.0")
            } else {
                plain
            }
        }
        exponent => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
    }
}

/// `repr` of a text.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            own if own == quote => {
                out.push('\\');
                out.push(own);
            }
            own if is_shown(own) => out.push(own),
            own => {
                let code = u32::from(own);
                // Writing into a text does not fail.
                let _ = match code {
                    ..=0xFF => write!(out, "\\x{code:02x}"),
                    0x100..=0xFFFF => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
    out
}

/// Whether Python prints a character as it is: no control, format or private character, no space but the plain one.
fn is_shown(char: char) -> bool {
    let is_format = matches!(u32::from(char),
        0xAD | 0x600..=0x605 | 0x61C | 0x6DD | 0x70F | 0x180E | 0x200B..=0x200F | 0x202A..=0x202E
        | 0x2060..=0x206F | 0xE000..=0xF8FF | 0xFEFF | 0xFFF9..=0xFFFB | 0xE_0001..=0xE_007F | 0xF_0000..);
    !char.is_control() && (char == ' ' || !char.is_whitespace()) && !is_format
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python 3.11: `[repr(x) for x in (...)]`.
    #[test]
    fn values_are_written_as_python_writes_them() {
        let numbers = [
            1.0,
            0.1,
            1e16,
            1e-5,
            0.0001,
            1.5e300,
            -2.5,
            123_456_789_012_345.0,
        ];
        let written: Vec<String> = numbers.into_iter().map(float).collect();
        let expected = [
            "1.0",
            "0.1",
            "1e+16",
            "1e-05",
            "0.0001",
            "1.5e+300",
            "-2.5",
            "123456789012345.0",
        ];
        assert_eq!(written, expected);
        let value =
            serde_json::json!({"a": [1, "it's", "\"", "é\n\u{7f}"], "b": {"c": null}, "d": true});
        assert_eq!(
            text(&Value::from_serialize(value)),
            "{'a': [1, \"it's\", '\"', 'é\\n\\x7f'], 'b': {'c': None}, 'd': True}"
        );
    }
}
