//! A regular expression over the paths of modules, with the look-ahead, look-behind and back references that
//! Python's have.

use fancy_regex::Regex;

use crate::LoraError;
use crate::error::wrong;

/// A compiled expression that must match a whole path.
pub(crate) struct Pattern {
    text: String,
    compiled: Regex,
}

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
        let refused = |_| wrong("pattern", "a regular expression", format!("{text:?}"));
        Ok(Self {
            text: text.into(),
            compiled: Regex::new(whole).map_err(refused)?,
        })
    }

    /// Whether it matches.
    ///
    /// # Errors
    ///
    /// [`LoraError::Setting`] where the expression takes more than a million steps.
    pub(crate) fn matches(&self, path: &str) -> Result<bool, LoraError> {
        let expected = "a regular expression that ends within a million steps";
        let refused = |_| wrong("pattern", expected, format!("{:?}", self.text));
        self.compiled.is_match(path).map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constructs_of_python_match_as_they_do_there() {
        let path = "model.layers.0.self_attn.q_proj";
        for (text, matches) in [
            (r"^(?!.*(?:visual|merger)).*\.(?:q_proj|v_proj)$", true),
            (r"^(?!.*layers).*q_proj$", false),
            (r"^(model(?=\.).*\.(q_proj|v_proj))$", true),
            (r".*(?<=self_attn\.)q_proj", true),
            (r".*(?<!self_attn\.)q_proj", false),
            (r".*layers\.(\d)\..*", true),
            (r"(?P<a>m)odel.*", true),
            (r".*q", false),
        ] {
            let pattern = Pattern::whole(text).unwrap();
            assert_eq!(pattern.matches(path).unwrap(), matches, "{text}");
        }
        assert!(Pattern::whole("(q").is_err());
    }
}
