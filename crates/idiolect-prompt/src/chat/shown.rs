//! Whether a rendering shows what a conversation says.
//!
//! A template may cut, drop or move what a turn holds. What is trained must be the row's own text; white space is
//! the template's affair.

use std::ops::Range;

use idiolect_data::Message;
use serde_json::Value;

use super::values::{texts, with_text};
use super::{ChatTemplate, Marked};
use crate::{Conversation, PromptError};

/// Stands in the place of a text to see whether it matters.
pub(super) const PROBE: &str = "\u{F8F0}";

impl ChatTemplate {
    /// That the text of a trained turn is all there, its reasoning and its calls too.
    pub(super) fn check_answer(
        &self,
        message: &Message,
        at: usize,
        shown: &str,
    ) -> Result<(), PromptError> {
        let shown = bare(shown);
        if !shown.contains(&bare(&message.content)) {
            return Err(self.lost(at, "content", &message.content));
        }
        let reasoning = message.reasoning().unwrap_or_default();
        if !shown.contains(&bare(reasoning)) {
            return Err(self.lost(at, "reasoning", reasoning));
        }
        let calls = message.field("tool_calls").and_then(Value::as_array);
        let named = |call: &Value| {
            let function = call.get("function").unwrap_or(call);
            function["name"].as_str().map(str::to_owned)
        };
        let mut names = calls.into_iter().flatten().filter_map(named);
        match names.find(|name| !shown.contains(&bare(name))) {
            Some(name) => Err(self.lost(at, "tool_calls", &name)),
            None => Ok(()),
        }
    }

    /// That no turn which is not trained, and no tool, is left out.
    pub(super) fn check_rest(
        &self,
        chat: Conversation<'_>,
        whole: &Marked,
        trained: &[(usize, Range<usize>)],
    ) -> Result<(), PromptError> {
        let shown = bare(&whole.text);
        for (at, message) in chat.messages.iter().enumerate() {
            let is_checked = trained.iter().any(|(own, _)| *own == at);
            let text = bare(&message.content);
            if is_checked || text.is_empty() || shown.contains(&text) {
                continue;
            }
            let mut messages = chat.messages.to_vec();
            messages[at] = with_text(message, &|_| PROBE.to_owned());
            let changed = self.render(chat.with(&messages), false);
            if changed.is_ok_and(|changed| changed == whole.text) {
                return Err(self.lost(at, message.role_name(), &message.content));
            }
        }
        let Some(first) = chat.tools.first() else {
            return Ok(());
        };
        let without = Conversation { tools: &[], ..chat };
        match self.render(without, false) {
            Ok(without) if without == whole.text => {
                let tool = texts(first).first().copied().unwrap_or_default().to_owned();
                Err(PromptError::ToolsLost {
                    template: self.name().to_owned(),
                    tool: first["function"]["name"]
                        .as_str()
                        .unwrap_or(&tool)
                        .to_owned(),
                })
            }
            _ => Ok(()),
        }
    }

    /// That a part of a message is not in what is rendered.
    pub(super) fn lost(&self, message: usize, what: &str, text: &str) -> PromptError {
        const LONGEST: usize = 60;
        let short: String = text.chars().take(LONGEST).collect();
        let dots = if short.len() < text.len() { "…" } else { "" };
        PromptError::Lost {
            template: self.name().to_owned(),
            message,
            what: what.to_owned(),
            text: format!("{short}{dots}"),
        }
    }
}

/// A text without its white space.
fn bare(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace()).collect()
}
