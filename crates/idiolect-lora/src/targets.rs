//! Which modules of a model get an update.
//!
//! Paths are those of a Hugging Face checkpoint, `model.layers.0.self_attn.q_proj`, so that names and
//! expressions of PEFT's `target_modules` and `exclude_modules` mean what they mean there.

mod pattern;

use std::fmt;
use std::str::FromStr;

use idiolect_model::Projection;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::LoraError;
use crate::error::wrong;
use crate::paths::{EMBEDDING, HEAD};

pub(crate) use pattern::Pattern;

/// A choice of modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Targets {
    /// All seven projections of a block; never the head, as PEFT's `all-linear`.
    AllLinear,
    /// Paths, or ends of paths: `q_proj`, `self_attn.q_proj`, `layers.0.self_attn.q_proj`.
    Names(Vec<String>),
    /// A regular expression that matches a whole path.
    Pattern(String),
}

/// How a path was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is not chosen.
    No,
    /// By its end: PEFT's `layers_to_transform` still has a say.
    ByEnd,
    /// By its whole name or an expression.
    Whole,
}

/// Targets that are ready to be asked.
pub(crate) enum Chooser<'a> {
    Linear,
    Names(&'a [String]),
    Pattern(Pattern),
}

impl Chooser<'_> {
    /// How this choice finds a path.
    pub(crate) fn find(&self, path: &str) -> Result<Found, LoraError> {
        let last = path.rsplit('.').next().unwrap_or_default();
        Ok(match self {
            Self::Linear if Projection::parse(last).is_some() => Found::ByEnd,
            Self::Names(names) if names.iter().any(|name| name == path) => Found::Whole,
            Self::Names(names) if names.iter().any(|name| ends_in(path, name)) => Found::ByEnd,
            Self::Pattern(pattern) if pattern.matches(path)? => Found::Whole,
            _ => Found::No,
        })
    }
}

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

    /// Refuses an empty list, a name that ends in no module that can have an update, and an expression that
    /// does not parse.
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
            Self::AllLinear => Chooser::Linear,
            Self::Names(names) => Chooser::Names(names),
            Self::Pattern(pattern) => Chooser::Pattern(Pattern::whole(pattern)?),
        })
    }
}

fn ends_in(path: &str, name: &str) -> bool {
    let rest = path.strip_suffix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether a name ends as a module that can have an update of some rank.
pub(crate) fn is_known(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    Projection::parse(last).is_some() || ends_in(EMBEDDING, last) || last == HEAD
}

fn known(name: &str) -> Result<(), LoraError> {
    if is_known(name) {
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
        let error = "q_proj,c_attn".parse::<Targets>().unwrap_err().to_string();
        assert!(
            error.contains("\"c_attn\"") && error.contains("down_proj"),
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
