//! Which task a rewrite is checked for: the paper's checks, and those that a user brings.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use idiolect_completion::BoxError;
use idiolect_metrics::{call, code, math};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::DistillError;
use crate::verdict::Reason;

/// What a rewrite must pass beside the banned phrases; [`Check`] has the paper's.
///
/// The same texts must always get the same answer: a resumed run judges its texts anew.
pub trait RewriteCheck: fmt::Debug + Send + Sync {
    /// Its name, for errors and reports.
    fn name(&self) -> &str;

    /// What it has against a rewrite of `label`, both without white space around them;
    /// [`Reason::Custom`] is for checks of one's own.
    ///
    /// It is asked once about every label with an empty rewrite before anything is generated.
    ///
    /// # Errors
    ///
    /// For a label that it cannot use.
    fn objection(&self, label: &str, rewrite: &str) -> Result<Option<Reason>, BoxError>;
}

/// The task check of Eq. 4; the reference script picks it by the data set's name, here it is named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Check {
    /// None beside the banned phrases: Alpaca, Dolly, LIMA, `OpenHermes`.
    #[default]
    Text,
    /// The same last number: GSM8K, `MultiArith`.
    Math,
    /// The same function call: `OpenFunctions`.
    Call,
    /// The same call, or half of one: what branch reproduce of the reference keeps, whose score of
    /// 0.5 counts as true there.
    CallHalf,
    /// An opening phrase and a fence of Python: `MagiCoder`.
    Code,
}

impl Check {
    /// All checks, in the order in which help texts show them.
    pub const ALL: [Self; 5] = [
        Self::Text,
        Self::Math,
        Self::Call,
        Self::CallHalf,
        Self::Code,
    ];

    /// The name on the command line and in journals.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Math => "math",
            Self::Call => "call",
            Self::CallHalf => "call-half",
            Self::Code => "code",
        }
    }

    /// Whether an answer is right, given the label: half of a call is not, and of free text every answer is.
    ///
    /// # Errors
    ///
    /// A label that the check cannot compare with anything.
    pub fn is_right(self, label: &str, answer: &str) -> Result<bool, BoxError> {
        Ok(match self {
            Self::Text => true,
            Self::Math => math::same_answer(label, answer),
            Self::Call | Self::CallHalf => call::matches_main(label, answer)?,
            Self::Code => code::accepts(answer),
        })
    }
}

impl RewriteCheck for Check {
    fn name(&self) -> &str {
        (*self).name()
    }

    fn objection(&self, label: &str, rewrite: &str) -> Result<Option<Reason>, BoxError> {
        let reason = match self {
            Self::Text => None,
            Self::Math if math::same_answer(label, rewrite) => None,
            Self::Math => Some(Reason::DifferentAnswer {
                expected: math::last_number(label),
                found: math::last_number(rewrite),
            }),
            Self::Call => (!call::matches_main(label, rewrite)?).then_some(Reason::DifferentCall),
            Self::CallHalf => {
                (call::score_reproduce(label, rewrite)? <= 0.0).then_some(Reason::DifferentCall)
            }
            Self::Code => (!code::accepts(rewrite)).then_some(Reason::NoCode),
        };
        Ok(reason)
    }
}

impl From<Check> for Arc<dyn RewriteCheck> {
    fn from(check: Check) -> Self {
        Arc::new(check)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::name(*self))
    }
}

impl FromStr for Check {
    type Err = DistillError;

    fn from_str(name: &str) -> Result<Self, DistillError> {
        let unknown = || DistillError::Setting {
            setting: "check",
            expected: Self::ALL.map(Self::name).join(", "),
            found: name.to_owned(),
        };
        Self::ALL
            .into_iter()
            .find(|check| Self::name(*check) == name)
            .ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for check in Check::ALL {
            assert_eq!(check.to_string().parse::<Check>().unwrap(), check);
            assert_eq!(serde_json::to_value(check).unwrap(), Check::name(check));
        }
        assert_eq!(
            "maths".parse::<Check>().unwrap_err().to_string(),
            "check: expected text, math, call, call-half, code, found maths",
        );
    }

    #[test]
    fn an_answer_is_right_by_the_rule_of_its_task() {
        let is_right = |check: Check, label, answer| check.is_right(label, answer).unwrap();
        assert!(is_right(Check::Text, "red", "blue"));
        assert!(is_right(Check::Math, "It is 5", "So 5"));
        assert!(!is_right(Check::Math, "It is 5", "So 6"));
        assert!(!is_right(Check::Code, "", "no fence"));
    }
}
