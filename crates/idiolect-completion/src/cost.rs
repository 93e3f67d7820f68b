//! What writers cost, as a summary holds it: the sum over all calls that wrote one.

use std::path::Path;

use idiolect_input::{limits, read_bytes};
use serde_json::Value;

/// What a summary says under these names, one below the other, from before a call; null where there is none or it
/// is no summary.
#[must_use]
pub fn earlier_costs(summary: &Path, names: &[&str]) -> Value {
    let text = read_bytes(summary, &limits::RUN_FILE_BYTES).unwrap_or_default();
    let summary: Value = serde_json::from_slice(&text).unwrap_or_default();
    let found = names
        .iter()
        .try_fold(&summary, |value, name| value.get(name));
    found.cloned().unwrap_or_default()
}

/// Both together, number by number; none where there is neither.
#[must_use]
pub fn sum_costs(before: &Value, now: Option<Value>) -> Option<Value> {
    let before = before.as_object();
    let Some(Value::Object(mut now)) = now else {
        return before
            .filter(|before| !before.is_empty())
            .cloned()
            .map(Value::Object);
    };
    for (name, value) in &mut now {
        let earlier = before.and_then(|before| before.get(name));
        *value = added(value, earlier.unwrap_or(&Value::Null));
    }
    Some(Value::Object(now))
}

/// Whole numbers stay whole.
fn added(a: &Value, b: &Value) -> Value {
    match (a.as_u64(), b.as_u64()) {
        (Some(a), Some(b)) => a.saturating_add(b).into(),
        _ => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a + b).into(),
            _ => a.clone(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn costs_of_calls_are_summed() {
        let before = json!({"attempts": 2, "money": 0.5, "other": "x"});
        let now = || Some(json!({"attempts": 3, "money": 0.25, "texts": 1}));
        let both = json!({"attempts": 5, "money": 0.75, "texts": 1});
        assert_eq!(sum_costs(&before, now()), Some(both));
        assert_eq!(sum_costs(&Value::Null, now()), now());
        assert_eq!(sum_costs(&before, None), Some(before.clone()));
        assert_eq!(sum_costs(&json!("torn"), None), None);
        assert_eq!(
            earlier_costs(Path::new("no such file"), &["spent"]),
            Value::Null
        );
    }
}
