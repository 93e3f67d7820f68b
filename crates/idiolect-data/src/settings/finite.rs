//! Numbers of settings are finite: NaN and the infinities have no meaning in any of them.
//!
//! They are refused where layers become settings, before any part of a program sees them; what a program sets in
//! Rust is held to the ranges of its struct.

use toml::{Table, Value};

use super::layer::Layer;
use crate::DataError;

/// Refuses the first value that is or holds NaN or an infinity; the layer is the topmost that has its key.
pub(super) fn require_finite(values: &Table, layers: &[Layer]) -> Result<(), DataError> {
    for (key, value) in values {
        if let Some(found) = not_finite(value) {
            let mut topmost = layers.iter().rev();
            let layer = topmost.find(|layer| layer.values.contains_key(key));
            let place = layer.map_or("", |layer| layer.name.as_str());
            return Err(DataError::setting(place, key, "a finite number", found));
        }
    }
    Ok(())
}

fn not_finite(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => (!number.is_finite()).then_some(*number),
        Value::Array(list) => list.iter().find_map(not_finite),
        Value::Table(table) => table.values().find_map(not_finite),
        _ => None,
    }
}
