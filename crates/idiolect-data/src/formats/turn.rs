//! One turn of a list: who speaks, what is said, and what of it is trained.
//!
//! A turn that holds more than a role and a text keeps its fields for the chat template, those that are null left
//! out, as transformers 5.24 passes them (`tokenization_utils_base.py`, `_normalize_chat_messages`).
//! `weight` is that of `OpenAI`'s and mistral-finetune's rows, `train` and `training` are axolotl's, turns of
//! `function_call` LLaMA-Factory's.

use serde_json::{Map, Value, json};

use super::example::{Message, Role};
use super::fields::Place;
use super::row_format::{RoleNames, TurnFields};
use crate::DataError;
use crate::rows::{describe, describe_in};

/// Names of turns that are calls of tools in JSON, a call or a list of them.
const CALLS: [&str; 2] = ["function_call", "tool_call"];
/// Names of a tool's results, which chat templates call `tool`.
const RESULTS: [&str; 5] = [
    "function",
    "function_response",
    "ipython",
    "observation",
    "tool_response",
];
/// Fields that say whether a turn is trained, and nothing to a template.
const MASKS: [&str; 3] = ["weight", "train", "training"];
/// Fields that would change what is trained, and are not read.
const REFUSED: [&str; 3] = ["function_call", "train_detail", "training_detail"];

/// A turn and where it stands.
pub(super) struct Turn<'a> {
    pub(super) place: &'a Place<'a>,
    pub(super) fields: &'a TurnFields,
    /// The turn in errors, as `messages[2]`.
    pub(super) name: String,
    pub(super) value: &'a Value,
}

impl Turn<'_> {
    /// The message that the turn is.
    pub(super) fn message(&self) -> Result<Message, DataError> {
        if let Some(name) = REFUSED.iter().find(|name| !self.value[**name].is_null()) {
            let found = describe(&self.value[*name]);
            return Err(self.error(name, "no such field, it is not read", found));
        }
        let own = self.value[&self.fields.role].as_str().unwrap_or_default();
        if !self.is_chat() && CALLS.contains(&own) {
            return self.call();
        }
        let role = self.role()?;
        let content = self.content(role)?;
        let trained = self.trained(role)?;
        let name = match role {
            Role::Other if !self.is_chat() && RESULTS.contains(&own) => "tool",
            Role::Other => own,
            known => known.as_str(),
        };
        Ok(Message {
            trained,
            fields: self.kept(role, name),
            ..Message::new(role, content)
        })
    }

    /// Whether fields have the names that chat templates use, and role names are passed on as they are.
    fn is_chat(&self) -> bool {
        self.fields.role == "role" && self.fields.text == "content"
    }

    fn role(&self) -> Result<Role, DataError> {
        let roles = &self.fields.roles;
        let named = |name: &str| roles.all().find(|(_, own)| *own == name);
        if let Some((role, _)) = self.value[&self.fields.role].as_str().and_then(named) {
            return Ok(role);
        }
        let names = names(roles).join(", ");
        let expected = format!("a role out of {names}");
        let found = describe_in(self.value, &self.fields.role);
        Err(self.error(&self.fields.role, expected, found))
    }

    /// The text of the turn; none only where it calls tools or holds its reasoning alone.
    fn content(&self, role: Role) -> Result<String, DataError> {
        match &self.value[&self.fields.text] {
            Value::String(text) => Ok(text.clone()),
            Value::Array(parts) if !parts.is_empty() => {
                let texts = parts.iter().enumerate();
                texts.map(|(at, part)| self.part(at, part)).collect()
            }
            Value::Null if role == Role::Assistant && self.calls()? => Ok(String::new()),
            _ => {
                let found = describe_in(self.value, &self.fields.text);
                Err(self.error(&self.fields.text, "a string", found))
            }
        }
    }

    /// The text of a part of the content.
    fn part(&self, at: usize, part: &Value) -> Result<String, DataError> {
        match (part["type"].as_str(), &part["text"]) {
            (Some("text") | None, Value::String(text)) => Ok(text.clone()),
            (kind, _) => {
                let field = format!("{}[{at}]", self.fields.text);
                let found = kind.map_or_else(|| describe(part), |kind| format!("one of {kind:?}"));
                Err(self.error(&field, "a part of type text with its text", found))
            }
        }
    }

    /// Whether there is a call of a tool; its calls are objects with a name.
    fn calls(&self) -> Result<bool, DataError> {
        match &self.value["tool_calls"] {
            Value::Null => Ok(false),
            Value::Array(calls) => {
                let named = |call: &Value| {
                    let function = call.get("function").unwrap_or(call);
                    function["name"].is_string()
                };
                match calls.iter().position(|call| !named(call)) {
                    Some(at) => {
                        let field = format!("tool_calls[{at}]");
                        let found = describe(&calls[at]);
                        Err(self.error(&field, "a call with the name of its function", found))
                    }
                    None => Ok(!calls.is_empty()),
                }
            }
            other => Err(self.error("tool_calls", "an array of calls", describe(other))),
        }
    }

    /// Whether the turn is trained, if it is the assistant's.
    fn trained(&self, role: Role) -> Result<bool, DataError> {
        let weight = &self.value["weight"];
        let by_weight = match weight.as_f64() {
            _ if weight.is_null() => true,
            Some(0.0) => false,
            Some(number) if (number - 1.0).abs() < f64::EPSILON => true,
            _ => return Err(self.error("weight", "0 or 1", describe(weight))),
        };
        let mut trained = by_weight;
        for name in ["train", "training"] {
            trained &= match &self.value[name] {
                Value::Null => true,
                Value::Bool(true) if role != Role::Assistant => {
                    let expected = "false, or a turn of the assistant: no other is trained";
                    return Err(self.error(name, expected, "true"));
                }
                Value::Bool(trained) => *trained,
                other => return Err(self.error(name, "true or false", describe(other))),
            };
        }
        Ok(role != Role::Assistant || trained)
    }

    /// The fields for a chat template, where there are more than a role and a text.
    fn kept(&self, role: Role, name: &str) -> Option<Box<Map<String, Value>>> {
        let all = self.value.as_object()?;
        let own = [&self.fields.role, &self.fields.text];
        let others = || {
            let there = all.iter().filter(|(_, value)| !value.is_null());
            there.filter(|(key, _)| !own.contains(key))
        };
        let is_plain = role != Role::Other && self.value[&self.fields.text].is_string();
        if is_plain && others().all(|(key, _)| MASKS.contains(&key.as_str())) {
            return None;
        }
        let mut kept = Map::new();
        kept.insert("role".to_owned(), name.into());
        if !self.value[&self.fields.text].is_null() {
            let text = self.value[&self.fields.text].clone();
            kept.insert("content".to_owned(), text);
        }
        kept.extend(others().map(|(key, value)| (key.clone(), value.clone())));
        Some(Box::new(kept))
    }

    /// A turn that is a call of tools as JSON text, as calls of the assistant.
    fn call(&self) -> Result<Message, DataError> {
        let text = self.value[&self.fields.text].as_str().unwrap_or_default();
        let wrong = || {
            let expected = "a call of a tool in JSON, with name and arguments";
            let found = describe_in(self.value, &self.fields.text);
            self.error(&self.fields.text, expected, found)
        };
        let parsed: Value = serde_json::from_str(text).map_err(|_| wrong())?;
        let calls = match parsed {
            Value::Array(calls) if !calls.is_empty() => calls,
            call @ Value::Object(_) => vec![call],
            _ => return Err(wrong()),
        };
        if !calls.iter().all(|call| call["name"].is_string()) {
            return Err(wrong());
        }
        let function = |call: Value| json!({"type": "function", "function": call});
        let calls: Vec<Value> = calls.into_iter().map(function).collect();
        let fields = Map::from_iter([
            ("role".to_owned(), "assistant".into()),
            ("tool_calls".to_owned(), calls.into()),
        ]);
        Ok(Message {
            trained: self.trained(Role::Assistant)?,
            fields: Some(Box::new(fields)),
            ..Message::new(Role::Assistant, "")
        })
    }

    fn error(
        &self,
        field: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> DataError {
        let field = format!("{}.{field}", self.name);
        self.place.error(field, expected, found)
    }
}

/// A name of each role, as refusals show them.
fn names(roles: &RoleNames) -> Vec<&str> {
    let three = [Role::System, Role::User, Role::Assistant].map(|role| roles.written(role));
    let others = roles.other.first().map(String::as_str);
    three.into_iter().chain(others).collect()
}
