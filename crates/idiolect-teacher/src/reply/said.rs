//! What a message says: its text, and the reasoning in it or beside it.

use idiolect_completion::{Reasoning, with_reasoning, without_reasoning};
use serde_json::Value;

/// What a message says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    text: String,
    /// Reasoning beside the text, which is no part of it.
    pub(crate) reasoning: Option<String>,
    /// That reasoning stood in the content itself, as a part of its own.
    is_part: bool,
}

impl Said {
    pub(crate) fn text(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            ..Self::default()
        }
    }

    /// The text with its reasoning or without, and whether any was taken out.
    pub(crate) fn kept(&self, reasoning: Reasoning) -> (String, bool) {
        match (reasoning, without_reasoning(&self.text), &self.reasoning) {
            (Reasoning::Remove, Some(rest), _) => (rest.to_owned(), true),
            (Reasoning::Remove, None, _) => (self.text.clone(), self.is_part),
            (_, _, Some(reasoning)) if self.is_part => {
                (with_reasoning(reasoning, &self.text), false)
            }
            _ => (self.text.clone(), false),
        }
    }
}

/// Content as a text, as a list of parts, or null: a refusal, a call of a tool, or reasoning that took all tokens.
pub(crate) fn said(message: &Value) -> Option<Said> {
    // vLLM, SGLang and llama.cpp have the first name, OpenRouter and newer vLLM the second.
    let beside = ["reasoning_content", "reasoning"];
    let mut beside = beside
        .iter()
        .filter_map(|name| message.get(*name)?.as_str());
    let beside = beside.find(|text| !text.is_empty()).map(str::to_owned);
    let mut said = match message.get("content") {
        Some(Value::String(text)) => Said::text(text),
        Some(Value::Array(parts)) => of_parts(parts)?,
        Some(Value::Null) => Said::default(),
        None if beside.is_some() || message.get("tool_calls").is_some() => Said::default(),
        _ => return None,
    };
    if said.reasoning.is_none() {
        said.reasoning = beside;
    }
    Some(said)
}

/// Texts are joined, and so is reasoning (`thinking` of Mistral's interface); any other part is none of a text.
fn of_parts(parts: &[Value]) -> Option<Said> {
    let (mut said, mut reasoning) = (Said::default(), String::new());
    for part in parts {
        let kind = part.get("type").and_then(Value::as_str);
        match (part, kind) {
            (Value::String(text), _) => said.text += text,
            (_, Some("text" | "output_text")) => said.text += part.get("text")?.as_str()?,
            (_, Some(kind @ ("thinking" | "reasoning"))) => {
                said.is_part = true;
                let inner = part.get(kind).or_else(|| part.get("text"));
                reasoning += &match inner {
                    Some(Value::Array(parts)) => of_parts(parts)?.text,
                    Some(Value::String(text)) => text.clone(),
                    _ => String::new(),
                };
            }
            _ => return None,
        }
    }
    said.reasoning = said.is_part.then_some(reasoning);
    Some(said)
}
