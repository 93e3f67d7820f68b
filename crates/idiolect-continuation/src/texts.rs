//! The texts of a run: those of a journal, the documents' own second parts, or the documents.

use idiolect_completion::{CompletionJournal, FinishReason};

use crate::config::{ContinuationConfig, Shown};
use crate::error::ContinuationError;
use crate::filter::TextReason;
use crate::halve::Half;
use crate::record::ContinuationRecord;

/// A journal of texts, found by the document's id.
pub(crate) type Texts<'a> = CompletionJournal<'a, ContinuationRecord>;

/// A text for a first part, and how it came about.
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) finish_reason: Option<FinishReason>,
    pub(crate) tokens: usize,
    pub(crate) passes: Option<usize>,
    /// What the filters without a judge have against it.
    pub(crate) objection: Option<TextReason>,
}

/// Where the texts come from.
pub(crate) enum Source<'a> {
    /// The second parts of the documents.
    Original,
    /// The documents themselves.
    Whole,
    /// A journal.
    Teacher(Box<Texts<'a>>),
}

impl Source<'_> {
    /// The text of a half.
    pub(crate) fn text(
        &mut self,
        half: &Half,
        config: &ContinuationConfig,
    ) -> Result<Written, ContinuationError> {
        let (text, finish_reason, tokens, passes) = match self {
            Self::Original => (half.second.clone(), None, 0, None),
            Self::Whole => (format!("{}{}", half.first, half.second), None, 0, None),
            Self::Teacher(texts) => {
                let record = texts.row(&half.id)?;
                let text = joined(&config.shown, record.text);
                let (tokens, passes) = (record.token_count, record.passes);
                (text, Some(record.finish_reason), tokens, passes)
            }
        };
        let finish = finish_reason.as_ref().unwrap_or(&FinishReason::Stop);
        let original = match self {
            Self::Whole => &text,
            _ => &half.second,
        };
        let objection = config.filters.objection(&text, original, finish);
        Ok(Written {
            text,
            finish_reason,
            tokens,
            passes,
            objection,
        })
    }
}

/// A text that is put behind a first part without anything between.
///
/// One that was written raw continues from the letter and stays as it is.
/// An answer in a chat begins a word of its own and comes without the space before it: it gets one,
/// unless it has white space or begins with punctuation that stands at the end of a word.
fn joined(shown: &Shown, text: String) -> String {
    let glued = |c: char| c.is_whitespace() || ".,;:!?)]}'\u{2019}\u{201d}\u{2026}".contains(c);
    match shown {
        Shown::Chat { .. } if !text.is_empty() && !text.starts_with(glued) => format!(" {text}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_a_chat_is_put_behind_its_first_part_as_a_word() {
        let chat = |text: &str| joined(&Shown::default(), text.to_owned());
        assert_eq!(chat("and so on"), " and so on");
        for text in ["", ", and", "\n\nAnd", " and", "."] {
            assert_eq!(chat(text), text);
        }
        assert_eq!(joined(&Shown::Raw, "s and".into()), "s and");
    }
}
