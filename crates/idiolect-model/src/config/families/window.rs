//! Windows of attention as configurations name them.
//!
//! One window for all layers or none is what the decoder knows: a model of both kinds is refused.

use serde_json::{Map, Value, json};

use super::family::{Asked, Shape};
use crate::ModelError;
use crate::config::fields::Fields;

/// What is expected of the layers of a model.
pub(super) const ONE_KIND: &str = "one kind of attention in all layers";
const SLIDING: &str = "sliding_attention";
const FULL: &str = "full_attention";

/// `sliding_window`, for every layer; `absent` is what it means not to name it.
pub(super) fn of_all_layers(
    raw: Fields<'_>,
    absent: Option<usize>,
) -> Result<Option<usize>, ModelError> {
    let found = raw.optional_count("sliding_window")?;
    Ok(if raw.has("sliding_window") {
        found
    } else {
        absent
    })
}

/// `sliding_window` where `use_sliding_window` is on.
pub(super) fn where_used(raw: Fields<'_>) -> Result<Option<usize>, ModelError> {
    if raw.flag("use_sliding_window", false)? {
        of_all_layers(raw, Some(4096))
    } else {
        Ok(None)
    }
}

/// `sliding_window` where `use_sliding_window` is on, in the layers that `layer_types` names, else in those from
/// `max_window_layers` on.
pub(super) fn from_a_layer_on(asked: &Asked<'_>) -> Result<Option<usize>, ModelError> {
    let (raw, layers) = (asked.raw, asked.layers);
    let window = where_used(raw)?;
    let sliding = sliding_layers(raw, layers)?;
    let Some(window) = window else {
        return match sliding.filter(|layers| layers.contains(&true)) {
            // The reference makes a mask of a window that is none, and ends.
            Some(_) => Err(raw.wrong(
                "layer_types",
                "full_attention, as use_sliding_window is off",
                SLIDING,
            )),
            None => Ok(None),
        };
    };
    let first = raw.optional_count_or_zero("max_window_layers", 28)?;
    let sliding = sliding.unwrap_or_else(|| (0..layers).map(|at| at >= first).collect());
    match (sliding.contains(&true), sliding.contains(&false)) {
        (true, true) => {
            let found = sliding.iter().filter(|one| **one).count();
            let found = format!("a window in {found} of {} layers", sliding.len());
            Err(raw.wrong("sliding_window", ONE_KIND, found))
        }
        (true, false) => Ok(Some(window)),
        _ => Ok(None),
    }
}

/// Which layers have a window by `layer_types`, where it is there.
fn sliding_layers(raw: Fields<'_>, layers: usize) -> Result<Option<Vec<bool>>, ModelError> {
    let Some(list) = raw.get("layer_types") else {
        return Ok(None);
    };
    let one = |value: &Value| match value.as_str() {
        Some(SLIDING) => Some(true),
        Some(FULL) => Some(false),
        _ => None,
    };
    let all: Option<Vec<bool>> = list
        .as_array()
        .and_then(|list| list.iter().map(one).collect());
    let all = all.filter(|all| all.len() == layers);
    let expected = format!("{FULL} or {SLIDING} for each of {layers} layers");
    let wrong = || raw.wrong("layer_types", &expected, list);
    all.map(Some).ok_or_else(wrong)
}

/// Writes the window, `null` for none: what is absent is filled in by readers, each in its own way.
pub(super) fn write(shape: &Shape<'_>, json: &mut Map<String, Value>) {
    json.insert("sliding_window".into(), json!(shape.window));
}

/// Writes the window of a class that has `use_sliding_window`.
pub(super) fn write_with_flag(shape: &Shape<'_>, json: &mut Map<String, Value>) {
    write(shape, json);
    let used = shape.window.is_some();
    json.insert("use_sliding_window".into(), used.into());
    let kind = if used { SLIDING } else { FULL };
    json.insert("layer_types".into(), vec![kind; shape.layers].into());
}
