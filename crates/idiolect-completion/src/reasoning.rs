//! Reasoning in a text: `<think>` … `</think>`, as DeepSeek-R1, Qwen3 and their like write it, a local model or a
//! server that takes nothing out by itself; and how many texts had any.

use std::sync::atomic::{AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of the reasoning that a model writes into a text: between `<think>` and `</think>`, up to a
/// `</think>` that the prompt has opened, or as a part of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reasoning {
    /// It is taken out, and counted.
    #[default]
    Remove,
    /// The text stays as it is; reasoning that comes as a part of its own is put before it, between the marks.
    Keep,
}

/// How many texts had reasoning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replies {
    /// Texts out of which reasoning was taken.
    pub reasoning_removed: u64,
    /// Replies that were reasoning and no text, for their tokens ran out or the model said no more.
    pub only_reasoning: u64,
}

impl Replies {
    /// The numbers in one line for people; nothing where no text had reasoning.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        (*self != Self::default()).then(|| {
            format!(
                "reasoning taken out of {}, {} with reasoning and no text",
                self.reasoning_removed, self.only_reasoning
            )
        })
    }

    /// What to do about replies that were reasoning and no text, out of so many texts, in one line; nothing where
    /// there were none.
    #[must_use]
    pub fn advice(&self, texts: u64) -> Option<String> {
        let only = self.only_reasoning;
        let line =
            format!("{only} of {texts} replies had reasoning and no text: raise --max-new-tokens");
        (only > 0).then_some(line)
    }
}

/// Counts the texts of a writer that had reasoning.
#[derive(Debug, Default)]
pub struct ReplyCounter {
    removed: AtomicU64,
    only: AtomicU64,
}

impl ReplyCounter {
    /// Counts a text out of which reasoning was `removed`, or that was reasoning `only`.
    pub fn add(&self, removed: bool, only: bool) {
        self.removed.fetch_add(removed.into(), Ordering::Relaxed);
        self.only.fetch_add(only.into(), Ordering::Relaxed);
    }

    /// What was counted so far.
    #[must_use]
    pub fn total(&self) -> Replies {
        Replies {
            reasoning_removed: self.removed.load(Ordering::Relaxed),
            only_reasoning: self.only.load(Ordering::Relaxed),
        }
    }
}

/// Marks of the beginning and the end.
const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// A text without the reasoning before it; none where there is no reasoning.
///
/// Reasoning stands at the beginning. Where a chat template has opened it, the text begins within it, and only its
/// end is there; where the limit of tokens ended it, there is no end and no text.
#[must_use]
pub fn without_reasoning(text: &str) -> Option<&str> {
    let opened = text.trim_start().strip_prefix(OPEN);
    match (opened, text.split_once(CLOSE)) {
        (_, Some((_, rest))) => Some(rest.trim_start()),
        (Some(_), None) => Some(""),
        (None, None) => None,
    }
}

/// Reasoning and text as one, with the marks between them.
#[must_use]
pub fn with_reasoning(reasoning: &str, text: &str) -> String {
    format!("{OPEN}\n{}\n{CLOSE}\n\n{text}", reasoning.trim())
}

/// The text without its reasoning, counted; `is_open` says that the prompt has opened the reasoning, which goes on
/// to the end of the text where the text does not close it.
#[must_use]
pub fn taken_out(text: &str, is_open: bool, counter: &ReplyCounter) -> Option<String> {
    let rest = match without_reasoning(text) {
        None if is_open => "",
        found => found?,
    };
    counter.add(true, rest.trim().is_empty());
    Some(rest.to_owned())
}

/// Whether a prompt ends within reasoning that it has opened.
#[must_use]
pub fn opens_reasoning(prompt: &str) -> bool {
    prompt.trim_end().ends_with(OPEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_before_a_text_is_found() {
        let found = [
            ("<think>\nhm\n</think>\n\nThe sea.", Some("The sea.")),
            (" \n<think></think>The sea.", Some("The sea.")),
            ("hm, the sea\n</think>\n\nThe sea. ", Some("The sea. ")),
            (
                "<think>hm</think>A <think>b</think> c",
                Some("A <think>b</think> c"),
            ),
            ("<think>\nhm, it goes on and", Some("")),
            ("<think>hm</think>", Some("")),
            ("The sea.", None),
            ("Write <think> first.", None),
            ("", None),
        ];
        for (text, expected) in found {
            assert_eq!(without_reasoning(text), expected, "{text:?}");
        }
        let both = with_reasoning("hm\n", "The sea.");
        assert_eq!(both, "<think>\nhm\n</think>\n\nThe sea.");
        assert_eq!(without_reasoning(&both), Some("The sea."));
    }

    #[test]
    fn reasoning_that_the_prompt_opens_is_taken_out_and_counted() {
        let counter = ReplyCounter::default();
        assert!(opens_reasoning("<|im_start|>assistant\n<think>\n"));
        assert!(!opens_reasoning("<think></think>\n\n"));
        let out = |text, is_open| taken_out(text, is_open, &counter);
        assert_eq!(out("hm\n</think>\n\nSea.", true).as_deref(), Some("Sea."));
        assert_eq!(out("hm, it goes on and", true).as_deref(), Some(""));
        assert_eq!(out("The sea.", false), None);
        let total = counter.total();
        assert_eq!((total.reasoning_removed, total.only_reasoning), (2, 1));
        let line = "reasoning taken out of 2, 1 with reasoning and no text";
        assert_eq!(total.line().as_deref(), Some(line));
        assert!(total.advice(3).unwrap().starts_with("1 of 3 replies"));
        assert_eq!(Replies::default().line(), None);
    }
}
