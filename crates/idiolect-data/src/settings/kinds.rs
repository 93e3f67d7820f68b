//! The kinds of value that a setting takes, as its schema has them.

use schemars::JsonSchema;
use serde_json::Value as Json;
use toml::Value;

use super::keys::properties;

/// What the schema expects of a value, where that is something else than the value is; where it is not, the
/// struct itself knows better why it refuses it.
pub(super) fn expected<T: JsonSchema>(key: &str, value: &Value) -> Option<String> {
    let schema = properties::<T>().remove(key)?;
    let kinds = kinds(&schema);
    let fits = kinds.iter().any(|kind| kind.takes(value));
    (!fits && !kinds.is_empty()).then(|| {
        let kinds: Vec<String> = kinds.iter().map(Kind::to_string).collect();
        kinds.join(" or ")
    })
}

/// One kind of value that a schema allows.
enum Kind {
    Choice(Vec<String>),
    Whole {
        least: Option<i64>,
        most: Option<i64>,
    },
    Named(&'static str),
}

impl Kind {
    fn takes(&self, value: &Value) -> bool {
        match self {
            Self::Choice(names) => value
                .as_str()
                .is_some_and(|text| names.iter().any(|name| name == text)),
            Self::Whole { least, most } => value.as_integer().is_some_and(|number| {
                least.is_none_or(|least| least <= number) && most.is_none_or(|most| number <= most)
            }),
            Self::Named("a number") => value.is_float() || value.is_integer(),
            Self::Named("text") => value.is_str(),
            Self::Named("true or false") => value.is_bool(),
            Self::Named("a list") => value.is_array(),
            Self::Named(_) => value.is_table(),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Choice(names) => write!(f, "one of {}", names.join(", ")),
            Self::Whole {
                least: Some(least),
                most: Some(most),
            } => {
                write!(f, "a whole number from {least} to {most}")
            }
            Self::Whole {
                least: Some(least),
                most: None,
            } => write!(f, "a whole number of at least {least}"),
            Self::Whole { .. } => f.write_str("a whole number"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

fn kinds(schema: &Json) -> Vec<Kind> {
    let choices = choices(schema);
    if !choices.is_empty() {
        return vec![Kind::Choice(choices)];
    }
    let several = schema["anyOf"]
        .as_array()
        .or_else(|| schema["oneOf"].as_array());
    if let Some(several) = several {
        return several.iter().flat_map(kinds).collect();
    }
    let types = match &schema["type"] {
        Json::Array(types) => types.iter().filter_map(Json::as_str).collect(),
        other => other.as_str().into_iter().collect::<Vec<_>>(),
    };
    types
        .into_iter()
        .filter_map(|name| kind(name, schema))
        .collect()
}

/// The names of an enum: in one list, or one for each variant where the variants are documented.
fn choices(schema: &Json) -> Vec<String> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let each = schema["oneOf"].as_array().into_iter().flatten();
    let each = each.flat_map(|one| {
        one["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .chain([&one["const"]])
    });
    listed
        .chain(each)
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect()
}

fn kind(name: &str, schema: &Json) -> Option<Kind> {
    Some(match name {
        "integer" => Kind::Whole {
            least: schema["minimum"].as_i64(),
            most: schema["maximum"].as_i64(),
        },
        "number" => Kind::Named("a number"),
        "string" => Kind::Named("text"),
        "boolean" => Kind::Named("true or false"),
        "array" => Kind::Named("a list"),
        "object" => Kind::Named("a table"),
        _ => return None,
    })
}
