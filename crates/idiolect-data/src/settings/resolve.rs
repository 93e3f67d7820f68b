//! Layers of settings, one above the other, to a struct that holds every value.

use toml::{Table, Value};

use super::finite::require_finite;
use super::job::another_job;
use super::keys::{Settings, duplicates, keys};
use super::kinds::expected;
use super::layer::Layer;
use super::renamed::renamed;
use super::synonyms::synonym;
use super::tables::{no_table, refuse_table};
use super::unlike::{synonym_by_value, without_counterpart};
use crate::DataError;

/// The settings that `layers` give together: a later layer wins, and what none says has its default.
///
/// # Errors
///
/// [`DataError::UnknownKey`] names the layer, the key and the nearest known one; [`DataError::RenamedKey`] gives
/// the new name of a key of an earlier version; [`DataError::Setting`] names the layer and the key of a value of
/// the wrong kind, of one that is NaN or infinite, and of a key that two parts of `T` claim;
/// [`DataError::AnotherJob`] names the command of a run's file that is another's. Ranges are checked by the structs
/// themselves.
pub fn resolve<T: Settings>(layers: &[Layer]) -> Result<T, DataError> {
    one_owner::<T>()?;
    let known = keys::<T>();
    for layer in layers {
        if let Some((name, table)) = no_table::<T>(layer) {
            return Err(refuse_table(layer, name, table, &known));
        }
        let unknown = layer.values.keys().find(|key| !known.contains(key));
        if let Some(key) = unknown {
            let another = another_job::<T>(layer);
            return Err(another.unwrap_or_else(|| refuse(layer, key, &known)));
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
    let value = layer.values.get(&key).and_then(Value::as_str);
    let own = value.and_then(|value| synonym_by_value(&key, value));
    let own = own
        .filter(|own| !own.key.is_empty())
        .or_else(|| synonym(&key));
    let own = own.filter(|own| known.iter().any(|name| name == own.key));
    if let Some(own) = own {
        let expected = format!("{own}, as it is called here");
        return DataError::UnknownKey {
            place,
            key,
            expected,
        };
    }
    if let Some(why) = without_counterpart(&key) {
        let expected = format!("no such key, for {why}");
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
