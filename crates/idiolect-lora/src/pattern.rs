//! Regular expressions over module paths, as PEFT reads them.

use regex::Regex;

use crate::LoraError;
use crate::config::wrong;

/// A compiled expression that must match a whole path.
pub(crate) struct Pattern(Regex);

impl Pattern {
    /// Matches a path as a whole, as PEFT's `target_modules` of one string.
    pub(crate) fn whole(text: &str) -> Result<Self, LoraError> {
        Self::compile(text, &format!("^(?:{text})$"))
    }

    /// Matches a path or its end after a dot, as the keys of PEFT's `rank_pattern`.
    pub(crate) fn ending(text: &str) -> Result<Self, LoraError> {
        Self::compile(text, &format!("^(?:.*\\.)?(?:{text})$"))
    }

    fn compile(text: &str, whole: &str) -> Result<Self, LoraError> {
        let compiled = Regex::new(whole).map(Self);
        compiled.map_err(|_| wrong("pattern", "a regular expression", format!("{text:?}")))
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}
