//! What all kinds of stretched frequencies share: what they are made of, and their numbers in files.

use std::path::Path;

use idiolect_input::shown;
use serde_json::{Map, Value};

use crate::ModelError;

/// What the frequencies of a model are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frequencies {
    /// Base of the frequencies.
    pub(crate) theta: f64,
    /// Width of a head.
    pub(crate) head_dim: usize,
    /// Whether they are for a sequence beyond the original length.
    pub(crate) is_long: bool,
}

/// Positions are whole; transformers refuses them as floats.
pub(crate) fn positions(count: f64) -> u64 {
    count.round().to_string().parse().unwrap_or_default()
}

/// A list of positive numbers.
pub(crate) fn divisors(
    map: &Map<String, Value>,
    field: &str,
    path: &Path,
) -> Result<Vec<f64>, ModelError> {
    let list = map.get(field).and_then(Value::as_array);
    let divisors: Option<Vec<f64>> = list.and_then(|list| list.iter().map(Value::as_f64).collect());
    let divisors = divisors.filter(|all| all.iter().all(|one| one.is_finite() && *one > 0.0));
    let found = || map.get(field).map_or("nothing".into(), Value::to_string);
    let expected = "a list of positive numbers";
    divisors.ok_or_else(|| ModelError::config(path, field, expected, shown(&found(), 60)))
}
