//! What a chat template is given: the turns, the tools, the special tokens.
//!
//! As transformers 5.24 gives them (`utils/chat_template_utils.py`): a turn with all its fields but those that are
//! null; reasoning under each of the names that templates read it by; tools as they stand.

use idiolect_data::Message;
use minijinja::context;
use minijinja::value::Value;
use serde_json::{Map, Value as Json};

use super::ChatTokens;
use crate::Conversation;

/// Names under which reasoning is passed; the first is the one that templates read.
pub(super) const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// The values of a rendering; `takes_parts` where content in parts is passed as it is, and not as one text.
pub(super) fn values(
    chat: Conversation<'_>,
    generation: bool,
    tokens: &ChatTokens,
    takes_parts: bool,
) -> Value {
    let token = |name: &Option<String>| name.clone().map_or(Value::UNDEFINED, Value::from);
    let turns = chat
        .messages
        .iter()
        .map(|message| turn(message, takes_parts));
    let own = context! {
        messages => turns.collect::<Vec<_>>(),
        add_generation_prompt => generation,
        bos_token => token(&tokens.bos),
        eos_token => token(&tokens.eos),
        tools => tools(chat.tools),
        documents => (),
    };
    match chat.variables {
        Some(more) => context! { ..Value::from_serialize(more), ..own },
        None => own,
    }
}

fn tools(tools: &[Json]) -> Value {
    if tools.is_empty() {
        return Value::from(());
    }
    Value::from_serialize(tools)
}

fn turn(message: &Message, takes_parts: bool) -> Value {
    let Some(fields) = &message.fields else {
        return context! { role => message.role.as_str(), content => message.content };
    };
    let mut fields = with_reasoning(fields);
    if !takes_parts && let Some(content @ Json::Array(_)) = fields.get_mut("content") {
        *content = message.content.as_str().into();
    }
    Value::from_serialize(&fields)
}

/// The turn with its reasoning under the name that templates read, and under `thinking`.
fn with_reasoning(fields: &Map<String, Json>) -> Map<String, Json> {
    let found = REASONING.iter().find_map(|name| fields.get(*name));
    let Some(reasoning) = found else {
        return fields.clone();
    };
    let mut all = Map::new();
    all.insert("thinking".to_owned(), reasoning.clone());
    all.extend(
        fields
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    all.insert(REASONING[0].to_owned(), reasoning.clone());
    all
}

/// Bytes of text that a conversation holds.
pub(super) fn bytes(chat: Conversation<'_>) -> u64 {
    let fields = |message: &Message| message.fields.as_ref().map_or(0, |own| map_bytes(own));
    let messages = chat.messages.iter();
    let messages: usize = messages.map(|own| own.content.len() + fields(own)).sum();
    let tools: usize = chat.tools.iter().map(json_bytes).sum();
    (messages + tools + chat.variables.map_or(0, map_bytes)) as u64
}

fn map_bytes(map: &Map<String, Json>) -> usize {
    map.iter()
        .map(|(key, value)| key.len() + json_bytes(value))
        .sum()
}

fn json_bytes(value: &Json) -> usize {
    match value {
        Json::String(text) => text.len(),
        Json::Array(list) => list.iter().map(json_bytes).sum(),
        Json::Object(map) => map_bytes(map),
        _ => 8,
    }
}

/// All texts of a value.
pub(super) fn texts(value: &Json) -> Vec<&str> {
    match value {
        Json::String(text) => vec![text],
        Json::Array(list) => list.iter().flat_map(texts).collect(),
        Json::Object(map) => map.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// The message with another text: that of its content, of each part of it, and of its reasoning.
pub(super) fn with_text(message: &Message, change: &dyn Fn(&str) -> String) -> Message {
    let changed = |value: &mut Json| {
        if let Json::String(text) = value {
            *text = change(text);
        }
    };
    let mut new = message.clone();
    new.content = change(&message.content);
    for (name, value) in new.fields.iter_mut().flat_map(|own| own.iter_mut()) {
        match value {
            Json::Array(parts) if name == "content" => {
                let texts = parts.iter_mut().filter_map(|part| part.get_mut("text"));
                texts.for_each(changed);
            }
            value if name == "content" || REASONING.contains(&name.as_str()) => changed(value),
            _ => {}
        }
    }
    new
}

/// Texts of a conversation that [`with_text`] does not change.
pub(super) fn other_texts(chat: Conversation<'_>) -> Vec<&str> {
    let is_own = |name: &str| name == "content" || name == "role" || REASONING.contains(&name);
    let fields = chat.messages.iter().filter_map(|own| own.fields.as_deref());
    let fields = fields.flat_map(|own| own.iter().filter(|(name, _)| !is_own(name)));
    let variables = chat.variables.into_iter().flat_map(Map::values);
    let values = fields
        .map(|(_, value)| value)
        .chain(chat.tools)
        .chain(variables);
    values.flat_map(texts).collect()
}
