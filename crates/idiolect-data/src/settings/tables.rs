//! Tables in a settings file, which other programs' files have and those of this one do not: settings stand at the top
//! level.

use schemars::JsonSchema;
use toml::{Table, Value};

use super::keys::keys;
use super::kinds::expected;
use super::layer::Layer;
use super::synonyms::synonym;
use crate::DataError;

/// Settings of a table that are named, at most.
const FEW: usize = 8;
/// Tables within tables that are looked at.
const DEEPEST: usize = 4;

/// The first table of a layer that is the value of no setting.
pub(super) fn no_table<T: JsonSchema>(layer: &Layer) -> Option<(&str, &Table)> {
    let known = keys::<T>();
    layer.values.iter().find_map(|(name, value)| {
        let is_setting = known.contains(name) && expected::<T>(name, value).is_none();
        let table = value.as_table().filter(|_| !is_setting)?;
        Some((name.as_str(), table))
    })
}

/// What is said of a table: that settings stand outside of it, and what those in it are called.
pub(super) fn refuse_table(
    layer: &Layer,
    name: &str,
    table: &Table,
    known: &[String],
) -> DataError {
    let mut names = Vec::new();
    own_names(table, known, DEEPEST, &mut names);
    let more = if names.len() > FEW { ", ..." } else { "" };
    names.truncate(FEW);
    let list = match names.as_slice() {
        [] => String::new(),
        some => format!(": {}{more}", some.join(", ")),
    };
    DataError::UnknownKey {
        place: layer.name.clone(),
        key: format!("[{name}]"),
        expected: format!("settings at the top level, outside of tables{list}"),
    }
}

/// The keys of a table, and of those in it, by the names that they have here.
fn own_names(table: &Table, known: &[String], depth: usize, names: &mut Vec<String>) {
    let Some(deeper) = depth.checked_sub(1) else {
        return;
    };
    for (key, value) in table {
        let is_known = |name: &str| known.iter().any(|known| known == name);
        let found = synonym(key).filter(|own| is_known(own.key));
        if let Some(own) = found {
            names.push(format!("{own} for {key}"));
        } else if is_known(key) && !value.is_table() {
            names.push(key.clone());
        } else if let Value::Table(inner) = value {
            own_names(inner, known, deeper, names);
        }
    }
}
