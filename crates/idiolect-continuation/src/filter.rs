//! Which texts make a training row.
//!
//! Source: arXiv 2409.00096, sections on filtering: the capital letter, and a judge's two answers.
//! The paper reports all of them as ablations; its main runs filter nothing.

use idiolect_completion::FinishReason;
use serde::{Deserialize, Serialize};

use crate::error::ContinuationError;
use crate::judge::{JudgeAnswer, JudgeQuestion};

/// Which texts make no row; the paper's main runs leave out nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each filter is a switch of its own"
)]
pub struct Filters {
    /// Texts of white space alone; on by default, for such a row trains an end of text and no more.
    pub empty: bool,
    /// Texts that were cut off at the limit of tokens; off by default.
    pub unfinished: bool,
    /// Texts that begin with a capital letter where the original second part does not; off by
    /// default.
    pub capital: bool,
    /// Texts that a judge calls instructional; off by default.
    pub instructional: bool,
    /// Texts that a judge calls conversational; off by default.
    pub conversational: bool,
}

impl Default for Filters {
    fn default() -> Self {
        Self {
            empty: true,
            unfinished: false,
            capital: false,
            instructional: false,
            conversational: false,
        }
    }
}

impl Filters {
    /// Filters by name; `none` stands alone, and no name at all is the default.
    ///
    /// # Errors
    ///
    /// [`ContinuationError::Setting`] for another name, or `none` beside others.
    pub fn from_names<S: AsRef<str>>(names: &[S]) -> Result<Self, ContinuationError> {
        let mut filters = Self {
            empty: names.is_empty(),
            ..Self::default()
        };
        for name in names {
            match name.as_ref() {
                "empty" => filters.empty = true,
                "unfinished" => filters.unfinished = true,
                "capital" => filters.capital = true,
                "instructional" => filters.instructional = true,
                "conversational" => filters.conversational = true,
                "none" if names.len() == 1 => {}
                other => {
                    let expected =
                        "empty, unfinished, capital, instructional, conversational, or none alone";
                    return Err(ContinuationError::setting("filters", expected, other));
                }
            }
        }
        Ok(filters)
    }

    /// Whether a judge is asked.
    #[must_use]
    pub fn ask_judge(self) -> bool {
        self.instructional || self.conversational
    }
}

/// What becomes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum TextVerdict {
    /// It makes a row.
    Keep,
    /// It makes none.
    Reject {
        /// Why.
        reason: TextReason,
    },
}

/// Why a text makes no row; the first reason that holds, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextReason {
    /// There is nothing but white space in it.
    Empty,
    /// It was cut off at the limit of tokens.
    Unfinished,
    /// It begins with a capital letter, and the original second part does not.
    Capital,
    /// A judge calls it instructional.
    Instructional,
    /// A judge calls it conversational.
    Conversational,
}

impl TextReason {
    /// The name in verdicts and summaries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Unfinished => "unfinished",
            Self::Capital => "capital",
            Self::Instructional => JudgeQuestion::Instructional.name(),
            Self::Conversational => JudgeQuestion::Conversational.name(),
        }
    }
}

/// Whether the first character that is no white space is a capital letter.
#[must_use]
pub fn starts_with_capital(text: &str) -> bool {
    text.trim_start().starts_with(char::is_uppercase)
}

impl Filters {
    /// The questions that a judge is asked.
    pub(crate) fn questions(self) -> Vec<JudgeQuestion> {
        let on = |question: &JudgeQuestion| match question {
            JudgeQuestion::Instructional => self.instructional,
            JudgeQuestion::Conversational => self.conversational,
        };
        JudgeQuestion::ALL.into_iter().filter(on).collect()
    }

    /// What the filters that need no judge have against a text.
    pub(crate) fn objection(
        self,
        text: &str,
        original: &str,
        finish_reason: &FinishReason,
    ) -> Option<TextReason> {
        if self.empty && text.trim().is_empty() {
            return Some(TextReason::Empty);
        }
        if self.unfinished && *finish_reason == FinishReason::Length {
            return Some(TextReason::Unfinished);
        }
        let capital = starts_with_capital(text) && !starts_with_capital(original);
        (self.capital && capital).then_some(TextReason::Capital)
    }
}

/// The verdict on a text, by the filters' objection and the judges' answers.
pub(crate) fn verdict(
    objection: Option<TextReason>,
    answers: &[(JudgeQuestion, JudgeAnswer)],
) -> TextVerdict {
    let judged = answers
        .iter()
        .find(|(_, answer)| *answer == JudgeAnswer::Yes);
    let judged = judged.map(|(question, _)| match question {
        JudgeQuestion::Instructional => TextReason::Instructional,
        JudgeQuestion::Conversational => TextReason::Conversational,
    });
    match objection.or(judged) {
        Some(reason) => TextVerdict::Reject { reason },
        None => TextVerdict::Keep,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals() {
        assert!(starts_with_capital("\n The") && starts_with_capital("Éa"));
        for text in ["the", "", "  ", "\"The", "1 A", "ßA", "中"] {
            assert!(!starts_with_capital(text), "{text}");
        }
    }

    #[test]
    fn the_first_reason_is_given_and_none_that_is_off() {
        let all = Filters {
            empty: true,
            unfinished: true,
            capital: true,
            ..Filters::default()
        };
        let objection = |text, original| all.objection(text, original, &FinishReason::Length);
        assert_eq!(objection(" ", "a"), Some(TextReason::Empty));
        assert_eq!(objection("A", "a"), Some(TextReason::Unfinished));
        assert_eq!(
            all.objection("A", " a", &FinishReason::Stop),
            Some(TextReason::Capital)
        );
        assert_eq!(all.objection("A", "A", &FinishReason::Stop), None);
        assert_eq!(all.objection("a", "a", &FinishReason::Stop), None);
        let off = Filters {
            empty: false,
            ..Filters::default()
        };
        assert_eq!(off.objection("", "a", &FinishReason::Length), None);
        let answers = [
            (JudgeQuestion::Instructional, JudgeAnswer::Unclear),
            (JudgeQuestion::Conversational, JudgeAnswer::Yes),
        ];
        let reason = TextReason::Conversational;
        assert_eq!(verdict(None, &answers), TextVerdict::Reject { reason });
        assert_eq!(verdict(None, &answers[..1]), TextVerdict::Keep);
        let verdict = verdict(Some(TextReason::Empty), &answers);
        let row = serde_json::json!({"verdict": "reject", "reason": "empty"});
        assert_eq!(serde_json::to_value(verdict).unwrap(), row);
    }
}
