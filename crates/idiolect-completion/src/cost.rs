//! What writers cost, as a summary holds it: the sum over all calls that wrote one.

use std::io::ErrorKind;
use std::path::Path;

use idiolect_data::DataError;
use idiolect_input::{limits, read_bytes};
use serde_json::{Map, Value};

/// What a summary says under these names, one below the other, from before a call; null where there is none.
///
/// # Errors
///
/// [`DataError::Io`] and [`DataError::Json`] for a file that is no summary: what was spent would be forgotten.
pub fn earlier_costs(summary: &Path, names: &[&str]) -> Result<Value, DataError> {
    let bytes = match read_bytes(summary, &limits::RUN_FILE_BYTES) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Value::Null),
        read => read.map_err(|source| DataError::Io {
            path: summary.to_owned(),
            action: "read",
            source,
        })?,
    };
    let whole: Map<String, Value> =
        serde_json::from_slice(&bytes).map_err(|error| DataError::Json {
            path: summary.to_owned(),
            line: error.line().max(1),
            column: error.column().max(1),
            problem: format!("expected the summary of an earlier call, found {error}"),
        })?;
    let whole = Value::Object(whole);
    let found = names.iter().try_fold(&whole, |value, name| value.get(name));
    Ok(found.cloned().unwrap_or_default())
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
    }

    #[test]
    fn costs_of_earlier_calls_are_found_or_their_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("summary.json");
        let found = || earlier_costs(&file, &["judge", "spent"]).map_err(|error| error.to_string());
        assert_eq!(found(), Ok(Value::Null));
        std::fs::write(&file, r#"{"judge": {"spent": {"attempts": 2}}}"#).unwrap();
        assert_eq!(found(), Ok(json!({"attempts": 2})));
        std::fs::write(&file, r#"{"judge": 1}"#).unwrap();
        assert_eq!(found(), Ok(Value::Null));
        for damaged in ["", "[]", r#"{"judge": {"spent": {"att"#] {
            std::fs::write(&file, damaged).unwrap();
            let error = found().unwrap_err();
            let expected = "summary.json: line 1, column";
            assert!(
                error.contains(expected) && error.contains("an earlier call"),
                "{error}"
            );
        }
    }
}
