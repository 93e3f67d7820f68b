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
pub(super) fn token_ids(
    value: Option<&Value>,
    field: &str,
    path: &Path,
) -> Result<Vec<u32>, ModelError> {
    let one = |value: &Value| {
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| ModelError::config(path, field, "a token id or a list of them", value))
    };
    match value {
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

/// The settings of one `config.json`, or of a part of it, read with the file's name at hand.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    json: &'a Map<String, Value>,
    pub(crate) path: &'a Path,
    /// What stands before the names of its settings in errors: the part that they belong to.
    part: &'static str,
}

impl<'a> Fields<'a> {
    /// The settings of `json`, none where it is no object; `path` is named in errors only.
    pub(crate) fn new(json: &'a Value, path: &'a Path) -> Self {
        let json = json.as_object().unwrap_or(&EMPTY);
        let part = "";
        Self { json, path, part }
    }

    /// The settings of a part, which errors name as `part`, a name with a dot behind it.
    pub(crate) fn of_part(self, json: &'a Map<String, Value>, part: &'static str) -> Self {
        Self { json, part, ..self }
    }

    /// All settings as they stand in the file.
    pub(crate) fn json(self) -> &'a Map<String, Value> {
        self.json
    }

    pub(crate) fn get(&self, field: &str) -> Option<&'a Value> {
        self.json.get(field).filter(|value| !value.is_null())
    }

    /// Whether a setting is named, be it `null`.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.json.contains_key(field)
    }

    /// The first name in `architectures`.
    pub(crate) fn class(&self) -> Option<&'a str> {
        let list = self.get("architectures");
        list.and_then(|list| list.get(0)).and_then(Value::as_str)
    }

    pub(crate) fn optional_count(&self, field: &str) -> Result<Option<usize>, ModelError> {
        match self.whole(field)? {
            Some(0) => Err(self.wrong(field, "a positive whole number", 0)),
            found => Ok(found),
        }
    }

    /// A number that may be zero, or its default.
    pub(crate) fn optional_count_or_zero(
        &self,
        field: &str,
        default: usize,
    ) -> Result<usize, ModelError> {
        Ok(self.whole(field)?.unwrap_or(default))
    }

    fn whole(&self, field: &str) -> Result<Option<usize>, ModelError> {
        let one = |value: &Value| {
            let count = value.as_u64().and_then(|n| usize::try_from(n).ok());
            count.ok_or_else(|| self.wrong(field, "a positive whole number", value))
        };
        self.get(field).map(one).transpose()
    }

    pub(crate) fn count(&self, field: &str, default: Option<usize>) -> Result<usize, ModelError> {
        let found = self.optional_count(field)?.or(default.filter(|n| *n > 0));
        found.ok_or_else(|| self.wrong(field, "a positive whole number", "nothing"))
    }

    /// A positive number, or its default.
    pub(crate) fn number(&self, field: &str, default: Option<f64>) -> Result<f64, ModelError> {
        number(self.json, field, default, self.path)
    }

    /// A positive number of a map of this file, or its default; zero where the default is zero.
    pub(crate) fn number_of(
        &self,
        map: &Map<String, Value>,
        field: &str,
        default: Option<f64>,
    ) -> Result<f64, ModelError> {
        let zero = map.get(field).and_then(Value::as_f64) == Some(0.0);
        if default == Some(0.0) && (zero || map.get(field).is_none_or(Value::is_null)) {
            return Ok(0.0);
        }
        number(map, field, default, self.path)
    }

    pub(crate) fn flag(&self, field: &str, default: bool) -> Result<bool, ModelError> {
        let found = self.get(field).map_or(Some(default), Value::as_bool);
        found.ok_or_else(|| self.wrong(field, "true or false", "another value"))
    }

    /// Ids of special tokens; `absent` where they are not named.
    pub(crate) fn ids(&self, field: &str, absent: Option<u32>) -> Result<Vec<u32>, ModelError> {
        match self.json.get(field) {
            None => Ok(absent.into_iter().collect()),
            value => token_ids(value, &format!("{}{field}", self.part), self.path),
        }
    }

    /// The id that fills rows; none where it is -1, or the embedding has no row for it: it is never read.
    pub(crate) fn pad(&self, absent: Option<u32>, rows: usize) -> Result<Option<u32>, ModelError> {
        let field = "pad_token_id";
        if self.get(field).and_then(Value::as_i64) == Some(-1) {
            return Ok(None);
        }
        let ids = self.ids(field, absent)?;
        Ok(ids.first().copied().filter(|id| (*id as usize) < rows))
    }

    /// A text, where there is one.
    pub(crate) fn text(&self, field: &str) -> Result<Option<&'a str>, ModelError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(field, "a text", other)),
        }
    }

    /// An object, where there is one.
    pub(crate) fn object(&self, field: &str) -> Result<Option<&'a Map<String, Value>>, ModelError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(other) => Err(self.wrong(field, "an object", other)),
        }
    }

    /// A setting that is not what it must be; what is there is cut where it is long.
    pub(crate) fn wrong(&self, field: &str, expected: &str, found: impl ToString) -> ModelError {
        let (field, found) = (format!("{}{field}", self.part), found.to_string());
        ModelError::config(self.path, field, expected, shown(&found, 60))
    }

    /// Settings that other checkpoints use and that would silently change the result.
    pub(crate) fn refuse_unsupported(&self) -> Result<(), ModelError> {
        match self.text("hidden_act")? {
            None | Some("silu" | "swish") => {}
            Some(act) => return Err(self.wrong("hidden_act", "silu", act)),
        }
        self.refuse_quantized()?;
        let field = "partial_rotary_factor";
        let partial = self.number(field, Some(1.0))?;
        if (partial - 1.0).abs() > 0.0 {
            return Err(self.wrong(field, "1, heads that are rotated whole", partial));
        }
        Ok(())
    }

    /// Weights that are stored quantised, by the name of their method.
    pub(crate) fn refuse_quantized(&self) -> Result<(), ModelError> {
        let field = "quantization_config";
        let Some(found) = self.get(field) else {
            return Ok(());
        };
        let method = found.get("quant_method").and_then(Value::as_str);
        let expected = "plain weights: take the checkpoint's bf16 form, or write one with its dequantised weights";
        match method {
            Some(method) => Err(self.wrong(field, expected, format!("quant_method {method}"))),
            None => Err(self.wrong(field, expected, found)),
        }
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
