//! Patterns of named templates, and their one-pass substitution.
//!
//! Deliberately not `str::replace` in turn: a message that contains `{{resp}}` stays as it is,
//! where the reference program (`LLaMA-Factory`, `data/formatter.py`) would substitute into it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Segment;

/// One element of a named template.
///
/// In a file it is `{ text = "..." }`, `"bos"`, `"eos"` or `{ token = "<|eot_id|>" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Slot {
    /// Text, in which `{{content}}` stands for the message and `{{resp}}` for its reference answer.
    Text(String),
    /// The tokenizer's beginning-of-text token.
    Bos,
    /// The tokenizer's end-of-text token.
    Eos,
    /// A special token by its spelling.
    Token(String),
}

impl Slot {
    /// [`Slot::Text`] of a pattern.
    #[must_use]
    pub fn text(pattern: impl Into<String>) -> Self {
        Self::Text(pattern.into())
    }

    /// The pattern of a text.
    pub(crate) fn pattern(&self) -> Option<&str> {
        match self {
            Self::Text(pattern) => Some(pattern),
            Self::Bos | Self::Eos | Self::Token(_) => None,
        }
    }
}

/// Stands for the message.
pub(crate) const CONTENT: &str = "{{content}}";
/// Stands for the message's reference answer.
pub(crate) const REFERENCE: &str = "{{resp}}";

/// A pattern filled in one pass, neither value looked into.
pub(crate) fn fill(
    pattern: &str,
    content: &[Segment],
    reference: &[Segment],
    trained: bool,
) -> Vec<Segment> {
    let mut out = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(CONTENT) {
            out.extend_from_slice(content);
            rest = after;
        } else if let Some(after) = rest.strip_prefix(REFERENCE) {
            out.extend_from_slice(reference);
            rest = after;
        } else {
            let end = literal_end(rest);
            out.push(Segment {
                text: rest[..end].to_owned(),
                trained,
                content: false,
            });
            rest = &rest[end..];
        }
    }
    out
}

/// Where the text before the next mark ends, given that `rest` does not begin with one.
fn literal_end(rest: &str) -> usize {
    let next = [CONTENT, REFERENCE]
        .into_iter()
        .filter_map(|mark| rest.find(mark))
        .min();
    next.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Vec<Segment> {
        vec![Segment {
            text: value.to_owned(),
            trained: false,
            content: true,
        }]
    }

    #[test]
    fn marks_inside_values_are_left_alone() {
        let filled = fill(
            "Q {{content}} A {{resp}}!",
            &text("{{resp}}"),
            &text("{{content}}"),
            false,
        );
        let texts: Vec<_> = filled.iter().map(|segment| segment.text.as_str()).collect();
        assert_eq!(texts, ["Q ", "{{resp}}", " A ", "{{content}}", "!"]);
        let content: Vec<_> = filled.iter().map(|segment| segment.content).collect();
        assert_eq!(content, [false, true, false, true, false]);
    }
}
