//! Values of a `config.json`, each checked and named with its file in errors.

use std::path::Path;
use std::sync::LazyLock;

use idiolect_input::{limits, read_bytes, shown};
use serde_json::{Map, Value};

use crate::ModelError;

static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// Parses a JSON file.
pub(crate) fn read_json(path: &Path) -> Result<Value, ModelError> {
    let bytes = read_bytes(path, &limits::CONFIG_BYTES);
    let bytes = bytes.map_err(|source| ModelError::io(path, source))?;
    serde_json::from_slice(&bytes).map_err(|source| ModelError::Json {
        path: path.into(),
        source,
    })
}

/// One id, a list of ids, or none.
pub(super) fn token_ids(json: &Value, field: &str, path: &Path) -> Result<Vec<u32>, ModelError> {
    let one = |value: &Value| {
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| ModelError::config(path, field, "a token id or a list of them", value))
    };
    match json.get(field) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(one).collect(),
        Some(value) => Ok(vec![one(value)?]),
    }
}

/// Refuses ids of special tokens that the vocabulary does not have.
pub(super) fn check_ids(
    ids: &[u32],
    vocab_size: usize,
    (field, path): (&str, &Path),
) -> Result<(), ModelError> {
    match ids.iter().find(|id| **id as usize >= vocab_size) {
        Some(id) => {
            let expected = format!("an id below vocab_size = {vocab_size}");
            Err(ModelError::config(path, field, expected, id))
        }
        None => Ok(()),
    }
}

/// The settings of one `config.json`, read with the file's name at hand.
pub(super) struct Fields<'a> {
    json: &'a Map<String, Value>,
    pub(super) path: &'a Path,
}

impl<'a> Fields<'a> {
    /// The settings of `json`, none where it is no object; `path` is named in errors only.
    pub(super) fn new(json: &'a Value, path: &'a Path) -> Self {
        let json = json.as_object().unwrap_or(&EMPTY);
        Self { json, path }
    }
}

impl Fields<'_> {
    pub(super) fn get(&self, field: &str) -> Option<&Value> {
        self.json.get(field).filter(|value| !value.is_null())
    }

    pub(super) fn optional_count(&self, field: &str) -> Result<Option<usize>, ModelError> {
        let one = |value: &Value| {
            let count = value.as_u64().and_then(|n| usize::try_from(n).ok());
            let expected = "a positive whole number";
            let positive = count.filter(|n| *n > 0);
            positive.ok_or_else(|| ModelError::config(self.path, field, expected, value))
        };
        self.get(field).map(one).transpose()
    }

    pub(super) fn count(&self, field: &str, default: Option<usize>) -> Result<usize, ModelError> {
        let found = self.optional_count(field)?.or(default.filter(|n| *n > 0));
        found.ok_or_else(|| {
            ModelError::config(self.path, field, "a positive whole number", "nothing")
        })
    }

    pub(super) fn number(&self, field: &str, default: Option<f64>) -> Result<f64, ModelError> {
        number(self.json, field, default, self.path)
    }

    pub(super) fn flag(&self, field: &str) -> Result<bool, ModelError> {
        let one = |value: &Value| value.as_bool();
        let flag = self.get(field).map_or(Some(false), one);
        flag.ok_or_else(|| ModelError::config(self.path, field, "true or false", "another value"))
    }

    /// A text, where there is one.
    pub(super) fn text(&self, field: &str) -> Result<Option<&str>, ModelError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(field, "a text", other)),
        }
    }

    /// An object, where there is one.
    pub(super) fn object(&self, field: &str) -> Result<Option<&Map<String, Value>>, ModelError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(other) => Err(self.wrong(field, "an object", other)),
        }
    }

    /// A setting that is not what it must be; what is there is cut where it is long.
    pub(super) fn wrong(&self, field: &str, expected: &str, found: impl ToString) -> ModelError {
        let found = found.to_string();
        ModelError::config(self.path, field, expected, shown(&found, 60))
    }

    /// Settings that other checkpoints of the family use and that would silently change the result.
    pub(super) fn refuse_unsupported(&self) -> Result<(), ModelError> {
        for field in ["attention_bias", "mlp_bias"] {
            if self.flag(field)? {
                return Err(ModelError::config(self.path, field, "false", true));
            }
        }
        match self.text("hidden_act")? {
            None | Some("silu") => {}
            Some(act) => return Err(self.wrong("hidden_act", "silu", act)),
        }
        let quantized = "quantization_config";
        let refuse = |found| {
            Err(ModelError::config(
                self.path,
                quantized,
                "plain weights",
                found,
            ))
        };
        self.get(quantized).map_or(Ok(()), refuse)
    }
}

/// A finite number of `map`, or its default.
pub(super) fn number(
    map: &Map<String, Value>,
    field: &str,
    default: Option<f64>,
    path: &Path,
) -> Result<f64, ModelError> {
    let value = map.get(field).filter(|value| !value.is_null());
    let found = value
        .map_or(default, Value::as_f64)
        .filter(|n| n.is_finite() && *n > 0.0);
    let shown = || value.map_or("nothing".into(), Value::to_string);
    found.ok_or_else(|| ModelError::config(path, field, "a positive number", shown()))
}
