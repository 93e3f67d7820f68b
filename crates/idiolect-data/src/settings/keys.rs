//! The keys of a settings struct and the schema of its file, from the struct itself.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// What a struct needs in order to be a settings file: every struct that derives these four is one.
pub trait Settings: Serialize + DeserializeOwned + Default + JsonSchema {}

impl<T: Serialize + DeserializeOwned + Default + JsonSchema> Settings for T {}

/// The JSON Schema (2020-12) of a settings file: descriptions, defaults and kinds of all keys, and no others.
#[must_use]
pub fn schema<T: JsonSchema>() -> Value {
    let mut schema = schema_of::<T>();
    schema.insert("additionalProperties".into(), false.into());
    Value::Object(schema)
}

/// All keys of a settings file, those of flattened parts too, in the order of the struct's fields.
#[must_use]
pub fn keys<T: JsonSchema>() -> Vec<String> {
    properties::<T>().keys().cloned().collect()
}

/// What the schema says of each key.
pub(super) fn properties<T: JsonSchema>() -> Map<String, Value> {
    match schema_of::<T>().remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    }
}

fn schema_of<T: JsonSchema>() -> Map<String, Value> {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    match Value::from(schema) {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// Keys that two parts of a composite struct would claim, each once; none where the struct is sound.
///
/// A flattened part takes its keys away from those after it, so that a key of two parts would be a setting
/// without effect. [`super::resolve`] refuses such a struct.
#[must_use]
pub fn duplicates<T: Serialize + Default>() -> Vec<String> {
    // JSON text, for it keeps the names of a map as they are written, double ones too.
    let text = serde_json::to_string(&T::default()).unwrap_or_default();
    let names = serde_json::from_str::<Names>(&text).unwrap_or_default().0;
    let mut twice: Vec<String> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) && !twice.contains(name) {
            twice.push(name.clone());
        }
    }
    twice
}

/// The names of an object, as they stand there.
#[derive(Default)]
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Names;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        input.deserialize_map(Collect)
    }
}
