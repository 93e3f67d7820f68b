//! Layers of settings, one above the other, to a struct that holds every value.

use schemars::JsonSchema;
use serde_json::Value as Json;
use toml::{Table, Value};

use super::finite::require_finite;
use super::keys::{Settings, duplicates, keys, properties};
use super::layer::Layer;
use super::renamed::renamed;
use super::synonyms::synonym;
use crate::DataError;

/// The settings that `layers` give together: a later layer wins, and what none says has its default.
///
/// # Errors
///
/// [`DataError::UnknownKey`] names the layer, the key and the nearest known one; [`DataError::RenamedKey`] gives
/// the new name of a key of an earlier version; [`DataError::Setting`] names the layer and the key of a value of
/// the wrong kind, of one that is NaN or infinite, and of a key that two parts of `T` claim. Ranges are checked by the structs themselves.
pub fn resolve<T: Settings>(layers: &[Layer]) -> Result<T, DataError> {
    one_owner::<T>()?;
    let known = keys::<T>();
    for layer in layers {
        let unknown = layer.values.keys().find(|key| !known.contains(key));
        if let Some(key) = unknown {
            return Err(refuse(layer, key, &known));
        }
    }
    let mut merged = Table::new();
    for layer in layers {
        merged.extend(layer.values.clone());
    }
    require_finite(&merged, layers)?;
    merged.try_into().map_err(|error: toml::de::Error| {
        wrong_kind::<T>(layers)
            .unwrap_or_else(|| setting("settings", "all", error.message(), "others"))
    })
}

fn one_owner<T: Settings>() -> Result<(), DataError> {
    match duplicates::<T>().as_slice() {
        [] => Ok(()),
        [key, ..] => Err(setting("settings", key, "one part that takes it", "two")),
    }
}

fn refuse(layer: &Layer, key: &str, known: &[String]) -> DataError {
    let (place, key) = (layer.name.clone(), key.to_owned());
    let own = synonym(&key).filter(|own| known.iter().any(|name| name == own.key));
    if let Some(own) = own {
        let expected = format!("{own}, as it is called here");
        return DataError::UnknownKey {
            place,
            key,
            expected,
        };
    }
    match renamed(&key).filter(|renamed| known.iter().any(|name| name == renamed.new)) {
        Some(renamed) => DataError::RenamedKey { place, renamed },
        None => DataError::UnknownKey {
            place,
            expected: nearest(&key, known),
            key,
        },
    }
}

/// What to expect in place of an unknown key: the nearest known one, or all of them.
fn nearest(key: &str, known: &[String]) -> String {
    match nearest_name(key, known) {
        Some(name) => format!("a known key; the nearest is {name}"),
        None => format!("one of {}", known.join(", ")),
    }
}

/// The known name that a mistyped one is nearest to; none where they differ in more than half of its letters.
#[must_use]
pub fn nearest_name<'a>(typed: &str, known: &'a [String]) -> Option<&'a str> {
    let close = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(typed, name), name));
    let (off, name) = close.min()?;
    (off <= name.len() / 2).then_some(name)
}

/// The first value that its struct does not take when it stands alone; the values that count are the topmost.
fn wrong_kind<T: Settings>(layers: &[Layer]) -> Option<DataError> {
    for key in keys::<T>() {
        let topmost = layers
            .iter()
            .rev()
            .find_map(|layer| Some((layer, layer.values.get(&key)?)));
        let Some((layer, value)) = topmost else {
            continue;
        };
        let alone = Table::from_iter([(key.clone(), value.clone())]);
        if let Err(error) = alone.try_into::<T>() {
            let expected = expected::<T>(&key, value).unwrap_or_else(|| reason(&error));
            return Some(setting(&layer.name, &key, &expected, &shown(value)));
        }
    }
    None
}

/// What an error expects, without its place and without the value, which is said anyway: serde's own end in
/// `expected X`, those of the libraries in `expected X, found Y`.
fn reason(error: &toml::de::Error) -> String {
    let message = error.message();
    let expected = message.rsplit_once("expected ");
    let expected = expected.map_or(message, |(_, expected)| expected);
    let found = expected.rsplit_once(", found ");
    found.map_or(expected, |(expected, _)| expected).to_owned()
}

/// What the schema expects of a value, where that is something else than the value is; where it is not, the
/// struct itself knows better why it refuses it.
fn expected<T: JsonSchema>(key: &str, value: &Value) -> Option<String> {
    let schema = properties::<T>().remove(key)?;
    let kinds = kinds(&schema);
    let fits = kinds.iter().any(|kind| kind.takes(value));
    (!fits && !kinds.is_empty()).then(|| {
        let kinds: Vec<String> = kinds.iter().map(Kind::to_string).collect();
        kinds.join(" or ")
    })
}

/// One kind of value that a schema allows.
enum Kind {
    Choice(Vec<String>),
    Whole {
        least: Option<i64>,
        most: Option<i64>,
    },
    Named(&'static str),
}

impl Kind {
    fn takes(&self, value: &Value) -> bool {
        match self {
            Self::Choice(names) => value
                .as_str()
                .is_some_and(|text| names.iter().any(|name| name == text)),
            Self::Whole { least, most } => value.as_integer().is_some_and(|number| {
                least.is_none_or(|least| least <= number) && most.is_none_or(|most| number <= most)
            }),
            Self::Named("a number") => value.is_float() || value.is_integer(),
            Self::Named("text") => value.is_str(),
            Self::Named("true or false") => value.is_bool(),
            Self::Named("a list") => value.is_array(),
            Self::Named(_) => value.is_table(),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Choice(names) => write!(f, "one of {}", names.join(", ")),
            Self::Whole {
                least: Some(least),
                most: Some(most),
            } => {
                write!(f, "a whole number from {least} to {most}")
            }
            Self::Whole {
                least: Some(least),
                most: None,
            } => write!(f, "a whole number of at least {least}"),
            Self::Whole { .. } => f.write_str("a whole number"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

fn kinds(schema: &Json) -> Vec<Kind> {
    let choices = choices(schema);
    if !choices.is_empty() {
        return vec![Kind::Choice(choices)];
    }
    let several = schema["anyOf"]
        .as_array()
        .or_else(|| schema["oneOf"].as_array());
    if let Some(several) = several {
        return several.iter().flat_map(kinds).collect();
    }
    let types = match &schema["type"] {
        Json::Array(types) => types.iter().filter_map(Json::as_str).collect(),
        other => other.as_str().into_iter().collect::<Vec<_>>(),
    };
    types
        .into_iter()
        .filter_map(|name| kind(name, schema))
        .collect()
}

/// The names of an enum: in one list, or one for each variant where the variants are documented.
fn choices(schema: &Json) -> Vec<String> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let each = schema["oneOf"].as_array().into_iter().flatten();
    let each = each.flat_map(|one| {
        one["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .chain([&one["const"]])
    });
    listed
        .chain(each)
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect()
}

fn kind(name: &str, schema: &Json) -> Option<Kind> {
    Some(match name {
        "integer" => Kind::Whole {
            least: schema["minimum"].as_i64(),
            most: schema["maximum"].as_i64(),
        },
        "number" => Kind::Named("a number"),
        "string" => Kind::Named("text"),
        "boolean" => Kind::Named("true or false"),
        "array" => Kind::Named("a list"),
        "object" => Kind::Named("a table"),
        _ => return None,
    })
}

/// A value as TOML writes it, cut where it is long.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn setting(place: &str, key: &str, expected: &str, found: &str) -> DataError {
    DataError::Setting {
        place: place.to_owned(),
        key: key.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}
