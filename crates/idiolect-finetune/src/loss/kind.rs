//! Which loss is minimised.

use std::fmt;
use std::str::FromStr;

use idiolect_train::Divergence;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::FineTuneError;

/// What is minimised over the trained tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Loss {
    /// The negative log-likelihood of each token (Eq. 5 of arXiv 2402.13669).
    #[default]
    #[serde(rename = "ce")]
    CrossEntropy,
    /// The divergence `KL(base | adapter)` from the base model's distribution of each token, without a
    /// temperature.
    ForwardKl,
    /// The divergence `KL(adapter | base)`.
    ReverseKl,
    /// The divergence `KL(teacher | adapter)` from the distributions that a distillation stored of its rewrites, over
    /// the likeliest tokens and one category for the rest; of tokens without one, the negative log-likelihood.
    StoredKl,
}

impl Loss {
    /// The divergence from the base model; none for losses that do not ask it.
    #[must_use]
    pub fn divergence(self) -> Option<Divergence> {
        match self {
            Self::CrossEntropy | Self::StoredKl => None,
            Self::ForwardKl => Some(Divergence::Forward),
            Self::ReverseKl => Some(Divergence::Reverse),
        }
    }

    /// Its name in files: `ce`, `forward-kl`, `reverse-kl` or `stored-kl`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CrossEntropy => "ce",
            Self::ForwardKl => "forward-kl",
            Self::ReverseKl => "reverse-kl",
            Self::StoredKl => "stored-kl",
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Loss {
    type Err = FineTuneError;

    fn from_str(name: &str) -> Result<Self, FineTuneError> {
        let all = [
            Self::CrossEntropy,
            Self::ForwardKl,
            Self::ReverseKl,
            Self::StoredKl,
        ];
        let found = all.into_iter().find(|loss| loss.as_str() == name);
        let expected = "ce, forward-kl, reverse-kl or stored-kl";
        found.ok_or_else(|| FineTuneError::setting("loss", expected, name))
    }
}
