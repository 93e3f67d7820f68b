//! Reasoning in a text: `<think>` … `</think>`, as DeepSeek-R1, Qwen3 and their like write it where a server takes
//! nothing out by itself.

/// Marks of the beginning and the end.
const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// A text without the reasoning before it; none where there is no reasoning.
///
/// Reasoning stands at the beginning. Where a chat template has opened it, the text begins within it, and only its
/// end is there; where the limit of tokens ended it, there is no end and no text.
pub(crate) fn without_reasoning(text: &str) -> Option<&str> {
    let opened = text.trim_start().strip_prefix(OPEN);
    match (opened, text.split_once(CLOSE)) {
        (_, Some((_, rest))) => Some(rest.trim_start()),
        (Some(_), None) => Some(""),
        (None, None) => None,
    }
}

/// Reasoning and text as one, with the marks between them.
pub(crate) fn with_reasoning(reasoning: &str, text: &str) -> String {
    format!("{OPEN}\n{}\n{CLOSE}\n\n{text}", reasoning.trim())
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
}
