//! Which projections of a model get an update.
//!
//! Paths are those of a Hugging Face checkpoint, `model.layers.0.self_attn.q_proj`, so that names and
//! expressions of PEFT's `target_modules` mean what they mean there.

use std::fmt;
use std::str::FromStr;

use idiolect_model::Projection;
use regex::Regex;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::LoraError;
use crate::error::wrong;

/// A choice of projections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Targets {
    /// All seven projections of a block; never the head, as PEFT's `all-linear`.
    AllLinear,
    /// Paths, or ends of paths: `q_proj`, `self_attn.q_proj`, `layers.0.self_attn.q_proj`.
    Names(Vec<String>),
    /// A regular expression that matches a whole path.
    Pattern(String),
}

/// Whether a path is chosen.
pub(crate) type Chooser<'a> = Box<dyn Fn(&str) -> bool + 'a>;

impl Targets {
    /// The names as a checkpoint spells them, or the expression.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::AllLinear => Projection::ALL.map(|p| p.name().to_owned()).to_vec(),
            Self::Names(names) => names.clone(),
            Self::Pattern(pattern) => vec![pattern.clone()],
        }
    }

    /// Refuses an empty list, a name that ends in no projection, and an expression that does not parse.
    pub(crate) fn check(&self) -> Result<(), LoraError> {
        match self {
            Self::AllLinear => Ok(()),
            Self::Pattern(pattern) => Pattern::whole(pattern).map(drop),
            Self::Names(names) if names.is_empty() => {
                Err(wrong("targets", "at least one projection", "none"))
            }
            Self::Names(names) => names.iter().try_for_each(|name| known(name)),
        }
    }

    pub(crate) fn chooser(&self) -> Result<Chooser<'_>, LoraError> {
        Ok(match self {
            Self::AllLinear => Box::new(|_| true),
            Self::Names(names) => {
                Box::new(move |path| names.iter().any(|name| ends_in(path, name)))
            }
            Self::Pattern(pattern) => {
                let pattern = Pattern::whole(pattern)?;
                Box::new(move |path| pattern.matches(path))
            }
        })
    }
}

fn ends_in(path: &str, name: &str) -> bool {
    let rest = path.strip_suffix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn known(name: &str) -> Result<(), LoraError> {
    let last = name.rsplit('.').next().unwrap_or_default();
    if Projection::parse(last).is_some() {
        return Ok(());
    }
    let names = Targets::AllLinear.names().join(", ");
    let expected = format!("all-linear, some of {names}, or a regular expression");
    Err(wrong("targets", expected, format!("{name:?}")))
}

impl FromStr for Targets {
    type Err = LoraError;

    /// `all-linear`; names with commas between them, `q_proj,v_proj`; or, where the text has a character
    /// that no name has, a regular expression that matches whole paths, `.*\.(q|v)_proj`.
    fn from_str(text: &str) -> Result<Self, LoraError> {
        let text = text.trim();
        let targets = if text == "all-linear" {
            Self::AllLinear
        } else if is_names(text) {
            Self::Names(text.split(',').map(|name| name.trim().to_owned()).collect())
        } else {
            Self::Pattern(text.to_owned())
        };
        targets.check()?;
        Ok(targets)
    }
}

/// Whether a text is names with commas between, and no expression.
fn is_names(text: &str) -> bool {
    let named = |c: char| c.is_ascii_alphanumeric() || "_.-, ".contains(c);
    text.chars().all(named)
}

impl fmt::Display for Targets {
    /// What [`Targets::from_str`] reads as the same targets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllLinear => f.write_str("all-linear"),
            Self::Names(names) => f.write_str(&names.join(",")),
            // An expression without a sign of its own would be read as a name.
            Self::Pattern(pattern) if is_names(pattern) => write!(f, "(?:{pattern})"),
            Self::Pattern(pattern) => f.write_str(pattern),
        }
    }
}

impl Serialize for Targets {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Targets {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_names_or_as_an_expression() {
        let targets: Targets = "v_proj, layers.1.self_attn.q_proj".parse().unwrap();
        assert_eq!(targets.names(), ["v_proj", "layers.1.self_attn.q_proj"]);
        assert_eq!("all-linear".parse::<Targets>().unwrap().names().len(), 7);
        let pattern: Targets = r".*\.(q|v)_proj".parse().unwrap();
        assert_eq!(pattern, Targets::Pattern(r".*\.(q|v)_proj".into()));
        assert!("(q".parse::<Targets>().is_err());
        let error = "q_proj,lm_head".parse::<Targets>().unwrap_err().to_string();
        assert!(
            error.contains("\"lm_head\"") && error.contains("down_proj"),
            "{error}"
        );
    }

    #[test]
    fn targets_are_written_as_they_are_read() {
        let all = [
            Targets::AllLinear,
            Targets::Names(vec!["v_proj".into(), "layers.1.self_attn.q_proj".into()]),
            Targets::Pattern(r".*\.(q|v)_proj".into()),
        ];
        for targets in all {
            assert_eq!(targets.to_string().parse::<Targets>().unwrap(), targets);
        }
        let plain = Targets::Pattern("q_proj".into());
        assert_eq!(plain.to_string(), "(?:q_proj)");
    }

    #[test]
    fn a_name_is_a_whole_part_of_a_path() {
        let path = "model.layers.1.self_attn.q_proj";
        assert!(ends_in(path, "q_proj") && ends_in(path, path));
        assert!(ends_in(path, "self_attn.q_proj"));
        assert!(!ends_in(path, "proj") && !ends_in(path, "k_proj"));
    }
}
