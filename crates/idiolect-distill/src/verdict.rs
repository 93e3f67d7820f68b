//! What becomes of a rewrite, and why; the decision itself is next door.

use serde::{Deserialize, Serialize};

/// What becomes of a rewrite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It takes the place of the original response.
    Keep,
    /// The original response stays.
    Reject(Reason),
}

impl Verdict {
    /// Whether the rewrite takes the place of the original.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        *self == Self::Keep
    }
}

/// Why a rewrite is refused; the first reason that holds, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// It speaks of the task ([`BANNED_PHRASES`](crate::BANNED_PHRASES),
    /// [`BANNED_OPENING`](crate::BANNED_OPENING)).
    BannedPhrase {
        /// The first such phrase of the list.
        phrase: String,
    },
    /// Its last number is another one (check math).
    DifferentAnswer {
        /// The original's last whole number, where there is one.
        expected: Option<String>,
        /// The rewrite's.
        found: Option<String>,
    },
    /// The original's call is not in it (check call).
    DifferentCall,
    /// It has not the opening phrase and the fence of an answer with code (check code).
    NoCode,
    /// The prompt with the reference left no room for a rewrite, and none was asked for.
    PromptTooLong,
    /// Generation ended at the limit of tokens ([`Extras::unfinished`](crate::Extras::unfinished)).
    Unfinished,
    /// There is nothing but white space in it ([`Extras::empty`](crate::Extras::empty)).
    Empty,
    /// It repeats markup of the template ([`Extras::echo`](crate::Extras::echo)).
    Echo {
        /// The markup.
        marker: String,
    },
    /// It is much shorter than the original ([`Extras::least_percent`](crate::Extras::least_percent)).
    TooShort {
        /// The fewest words that would do.
        expected: usize,
        /// Its own.
        found: usize,
    },
    /// It is in another language than the original ([`Extras::language`](crate::Extras::language)).
    LanguageChanged {
        /// The original's, as an ISO 639-3 code.
        expected: String,
        /// Its own.
        found: String,
    },
    /// A check of the user's own refuses it ([`RewriteCheck`](crate::RewriteCheck)).
    Custom {
        /// The check.
        check: String,
        /// What it has against the rewrite.
        problem: String,
    },
}

impl Reason {
    /// The name in journals and summaries.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::BannedPhrase { .. } => "banned_phrase",
            Self::DifferentAnswer { .. } => "different_answer",
            Self::DifferentCall => "different_call",
            Self::NoCode => "no_code",
            Self::PromptTooLong => "prompt_too_long",
            Self::Unfinished => "unfinished",
            Self::Empty => "empty",
            Self::Echo { .. } => "echo",
            Self::TooShort { .. } => "too_short",
            Self::LanguageChanged { .. } => "language_changed",
            Self::Custom { .. } => "custom",
        }
    }

    /// What is wrong with an answer, in words for a model that is to learn from it.
    #[must_use]
    pub fn feedback(&self) -> String {
        let or_none = |number: &Option<String>| number.clone().unwrap_or_else(|| "none".to_owned());
        match self {
            Self::DifferentAnswer { expected, found } => {
                let (expected, found) = (or_none(expected), or_none(found));
                format!("The last number is {found}; expected {expected}.")
            }
            Self::DifferentCall => "The call is not the one that was expected.".to_owned(),
            Self::NoCode => "There is no code in it.".to_owned(),
            other => other.name().replace('_', " "),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_verdict_is_one_flat_object() {
        let reason = Reason::BannedPhrase {
            phrase: "my response".into(),
        };
        let verdict = Verdict::Reject(reason);
        let row = json!({"verdict": "reject", "reason": "banned_phrase", "phrase": "my response"});
        assert_eq!(serde_json::to_value(&verdict).unwrap(), row);
        assert_eq!(serde_json::from_value::<Verdict>(row).unwrap(), verdict);
        assert_eq!(
            serde_json::to_value(Verdict::Keep).unwrap(),
            json!({"verdict": "keep"})
        );
    }

    #[test]
    fn feedback_says_what_is_wrong() {
        let reason = Reason::DifferentAnswer {
            expected: Some("5".into()),
            found: None,
        };
        let told = [reason, Reason::DifferentCall, Reason::PromptTooLong];
        assert_eq!(
            told.map(|reason| reason.feedback()),
            [
                "The last number is none; expected 5.",
                "The call is not the one that was expected.",
                "prompt too long",
            ]
        );
    }
}
