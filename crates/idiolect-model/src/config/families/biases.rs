//! Biases by `attention_bias` and `mlp_bias`, for classes that know both.

use serde_json::{Map, Value};

use super::family::{Asked, Shape};
use crate::ModelError;
use crate::config::fields::Fields;
use crate::config::switches::Switches;

/// The switches of a class that turns none.
#[expect(clippy::unnecessary_wraps, reason = "the form that every class's has")]
pub(super) fn no_switches(_: &Asked<'_>) -> Result<Switches, ModelError> {
    Ok(Switches::default())
}

/// The switches of both flags.
pub(super) fn biases(raw: Fields<'_>) -> Result<Switches, ModelError> {
    use crate::Projection::{Down, Gate, Key, Output, Query, Up, Value};
    let mut biases = Vec::new();
    if raw.flag("attention_bias", false)? {
        biases.extend([Query, Key, Value, Output]);
    }
    if raw.flag("mlp_bias", false)? {
        biases.extend([Gate, Up, Down]);
    }
    Ok(Switches {
        biases,
        ..Switches::default()
    })
}

/// Writes both flags of [`biases`].
pub(super) fn write_biases(shape: &Shape<'_>, json: &mut Map<String, Value>) {
    use crate::Projection::{Gate, Query};
    let has = |projection| Value::from(shape.switches.has_bias(projection));
    json.insert("attention_bias".into(), has(Query));
    json.insert("mlp_bias".into(), has(Gate));
}
