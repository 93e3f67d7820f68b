//! Verdicts beyond the paper's.

use serde::{Deserialize, Serialize};

use crate::error::DistillError;

/// A rewrite of a hundred times as many words is asked for by nobody.
const MOST_PERCENT: usize = 10_000;

/// Verdicts beyond the paper's; the default switches all of them off, as its scripts do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extras {
    /// Refuses rewrites that were cut off at the limit of tokens.
    pub unfinished: bool,
    /// Refuses rewrites without text.
    pub empty: bool,
    /// Refuses rewrites that contain any of these texts, for instance [`Self::MARKUP`].
    pub echo: Vec<String>,
    /// Refuses rewrites with fewer words than this many per cent of the original's; 0 asks for none.
    pub least_percent: usize,
    /// Refuses rewrites in another language than the original's.
    ///
    /// The detector errs; `crates/idiolect-distill/tests/language.rs` counts how often.
    pub language: bool,
}

impl Extras {
    /// Markup of the paper's templates; `###` also heads sections in Markdown.
    pub const MARKUP: [&str; 4] = ["###", "[INST]", "[/INST]", "<<SYS>>"];

    /// What small models need inside a chat template.
    pub const USUAL: [&str; 3] = ["unfinished", "empty", "echo"];

    /// Verdicts by name: `unfinished`, `empty`, `echo` (of [`Self::MARKUP`]), `short` (of fewer words than
    /// `least_percent` per cent of the original's) and `language`, or `none` alone.
    ///
    /// # Errors
    ///
    /// [`DistillError::Setting`] for another name, `none` beside others, and more than 10000 per cent.
    pub fn from_names<S: AsRef<str>>(
        names: &[S],
        least_percent: usize,
    ) -> Result<Self, DistillError> {
        if least_percent > MOST_PERCENT {
            return Err(DistillError::Setting {
                setting: "least_percent",
                expected: format!("at most {MOST_PERCENT}"),
                found: least_percent.to_string(),
            });
        }
        let mut extras = Self::default();
        for name in names {
            match name.as_ref() {
                "unfinished" => extras.unfinished = true,
                "empty" => extras.empty = true,
                "echo" => extras.echo = Self::MARKUP.map(Into::into).into(),
                "short" => extras.least_percent = least_percent,
                "language" => extras.language = true,
                "none" if names.len() == 1 => {}
                other => {
                    return Err(DistillError::Setting {
                        setting: "verdicts",
                        expected: "unfinished, empty, echo, short, language, or none alone"
                            .to_owned(),
                        found: other.to_owned(),
                    });
                }
            }
        }
        Ok(extras)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_switch_verdicts_on() {
        let extras = |names: &[&str]| Extras::from_names(names, 30);
        assert_eq!(extras(&["none"]).unwrap(), Extras::default());
        let all = extras(&["unfinished", "empty", "echo", "short", "language"]).unwrap();
        assert!(all.unfinished && all.empty && all.language);
        assert_eq!((all.least_percent, all.echo.len()), (30, 4));
        for names in [&["none", "empty"][..], &["unfinshed"]] {
            let error = extras(names).unwrap_err().to_string();
            let expected = "unfinished, empty, echo, short, language, or none alone";
            assert_eq!(
                error,
                format!("verdicts: expected {expected}, found {}", names[0])
            );
        }
    }
}
