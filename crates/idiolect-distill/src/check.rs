//! Which task a rewrite is checked for.

use std::fmt;
use std::str::FromStr;

use idiolect_metrics::{MetricsError, call, code, math};
use serde::{Deserialize, Serialize};

use crate::DistillError;
use crate::verdict::Reason;

/// The task check of Eq. 4; the reference script picks it by the data set's name, here it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// None beside the banned phrases: Alpaca, Dolly, LIMA, `OpenHermes`.
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

    /// What the check has against `rewrite`, both texts without white space around them.
    pub(crate) fn objection(
        self,
        label: &str,
        rewrite: &str,
    ) -> Result<Option<Reason>, MetricsError> {
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

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
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
            .find(|check| check.name() == name)
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
            assert_eq!(serde_json::to_value(check).unwrap(), check.name());
        }
        assert_eq!(
            "maths".parse::<Check>().unwrap_err().to_string(),
            "check: expected text, math, call, call-half, code, found maths",
        );
    }
}
