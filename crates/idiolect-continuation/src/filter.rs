//! Which texts make a training row.
//!
//! Source: arXiv 2409.00096, sections on filtering: the capital letter, and a judge's two answers.
//! The paper reports all of them as ablations; its main runs filter nothing.

use serde::{Deserialize, Serialize};

use crate::judge::{Answer, Question};
use crate::settings::Filters;

/// What becomes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It makes a row.
    Keep,
    /// It makes none.
    Reject {
        /// Why.
        reason: Reason,
    },
}

/// Why a text makes no row; the first reason that holds, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
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

impl Reason {
    /// The name in verdicts and summaries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Unfinished => "unfinished",
            Self::Capital => "capital",
            Self::Instructional => Question::Instructional.name(),
            Self::Conversational => Question::Conversational.name(),
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
    pub(crate) fn questions(self) -> Vec<Question> {
        let on = |question: &Question| match question {
            Question::Instructional => self.instructional,
            Question::Conversational => self.conversational,
        };
        Question::ALL.into_iter().filter(on).collect()
    }

    /// What the filters that need no judge have against a text.
    pub(crate) fn objection(
        self,
        text: &str,
        original: &str,
        finish_reason: &str,
    ) -> Option<Reason> {
        if self.empty && text.trim().is_empty() {
            return Some(Reason::Empty);
        }
        if self.unfinished && finish_reason == "length" {
            return Some(Reason::Unfinished);
        }
        let capital = starts_with_capital(text) && !starts_with_capital(original);
        (self.capital && capital).then_some(Reason::Capital)
    }
}

/// The verdict on a text, by the filters' objection and the judges' answers.
pub(crate) fn verdict(objection: Option<Reason>, answers: &[(Question, Answer)]) -> Verdict {
    let judged = answers.iter().find(|(_, answer)| *answer == Answer::Yes);
    let judged = judged.map(|(question, _)| match question {
        Question::Instructional => Reason::Instructional,
        Question::Conversational => Reason::Conversational,
    });
    match objection.or(judged) {
        Some(reason) => Verdict::Reject { reason },
        None => Verdict::Keep,
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
        let objection = |text, original| all.objection(text, original, "length");
        assert_eq!(objection(" ", "a"), Some(Reason::Empty));
        assert_eq!(objection("A", "a"), Some(Reason::Unfinished));
        assert_eq!(all.objection("A", " a", "stop"), Some(Reason::Capital));
        assert_eq!(all.objection("A", "A", "stop"), None);
        assert_eq!(all.objection("a", "a", "stop"), None);
        let off = Filters {
            empty: false,
            ..Filters::default()
        };
        assert_eq!(off.objection("", "a", "length"), None);
        let answers = [
            (Question::Instructional, Answer::Unclear),
            (Question::Conversational, Answer::Yes),
        ];
        let reason = Reason::Conversational;
        assert_eq!(verdict(None, &answers), Verdict::Reject { reason });
        assert_eq!(verdict(None, &answers[..1]), Verdict::Keep);
        let verdict = verdict(Some(Reason::Empty), &answers);
        let row = serde_json::json!({"verdict": "reject", "reason": "empty"});
        assert_eq!(serde_json::to_value(verdict).unwrap(), row);
    }
}
