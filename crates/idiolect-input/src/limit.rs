//! A limit on a size, and what is said where something exceeds it.

use std::io;

/// The most that is taken of something that comes from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The environment variable that sets another value, as a whole number.
    pub variable: &'static str,
    /// What is counted, in its unit: `bytes of a row`.
    pub what: &'static str,
    /// The value where the variable is not set.
    pub default: u64,
}

impl Limit {
    /// The value that holds: that of the variable, else the default.
    ///
    /// # Errors
    ///
    /// [`LimitError::Variable`] for a variable that is no whole number from 1.
    pub fn value(&self) -> Result<u64, LimitError> {
        let Some(text) = std::env::var_os(self.variable) else {
            return Ok(self.default);
        };
        let text = text.to_string_lossy();
        match text.trim().parse() {
            Ok(value) if value > 0 => Ok(value),
            _ => Err(LimitError::Variable {
                variable: self.variable,
                found: crate::shown(&text, 40).into_owned(),
            }),
        }
    }

    /// Refuses a size above the limit.
    ///
    /// # Errors
    ///
    /// [`LimitError::Exceeded`]; [`LimitError::Variable`] as for [`Self::value`].
    pub fn check(&self, found: u64) -> Result<(), LimitError> {
        let most = self.value()?;
        if found <= most {
            return Ok(());
        }
        Err(self.exceeded(most, &found.to_string()))
    }

    /// That something has more than `most`; `found` is how much, or `more` where nobody counted on.
    #[must_use]
    pub fn exceeded(&self, most: u64, found: &str) -> LimitError {
        LimitError::Exceeded {
            variable: self.variable,
            what: self.what,
            most,
            found: found.to_owned(),
        }
    }
}

/// Why a size is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// Something is larger than its limit.
    #[error(
        "expected at most {most} {what}, found {found} (the environment variable {variable} sets another limit)"
    )]
    Exceeded {
        /// The environment variable that raises it.
        variable: &'static str,
        /// What is counted.
        what: &'static str,
        /// The limit.
        most: u64,
        /// What there is, or `more` where it was not counted to its end.
        found: String,
    },
    /// The variable of a limit has no such value.
    #[error("environment variable {variable}: expected a whole number from 1, found {found}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        found: String,
    },
}

impl From<LimitError> for io::Error {
    /// As invalid input: the file is at fault, or the call.
    fn from(error: LimitError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
