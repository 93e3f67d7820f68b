//! Chat templates against what a row says, and against Jinja.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may panic"
)]

#[path = "../common/mod.rs"]
mod common;
mod constructs;
mod lost;

use idiolect_data::{Message, Role};
use idiolect_prompt::{ChatTemplate, ChatTokens};
use serde_json::Value;

pub(crate) fn tokens() -> ChatTokens {
    ChatTokens {
        bos: Some("<s>".into()),
        eos: Some("</s>".into()),
        end_of_turn: vec!["<|im_end|>".into()],
        ..ChatTokens::default()
    }
}

pub(crate) fn chat(source: &str) -> ChatTemplate {
    ChatTemplate::new(source, tokens()).unwrap()
}

pub(crate) fn turn(fields: &Value) -> Message {
    let role = match fields["role"].as_str().unwrap() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => Role::Other,
    };
    Message {
        fields: fields.as_object().cloned().map(Box::new),
        ..Message::new(role, fields["content"].as_str().unwrap_or_default())
    }
}
