//! Which projections of a model get an update, and of what rank and scale.
//!
//! Paths are those of a Hugging Face checkpoint, `model.layers.0.self_attn.q_proj`, so that names and
//! expressions of PEFT's `target_modules` mean what they mean there.

use std::str::FromStr;

use idiolect_model::{ModelConfig, Projection, Site};
use regex::Regex;

use crate::config::wrong;
use crate::{LoraConfig, LoraError};

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
type Chooser<'a> = Box<dyn Fn(&str) -> bool + 'a>;

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

    fn chooser(&self) -> Result<Chooser<'_>, LoraError> {
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
        let named = |c: char| c.is_ascii_alphanumeric() || "_.-, ".contains(c);
        let targets = if text == "all-linear" {
            Self::AllLinear
        } else if text.chars().all(named) {
            Self::Names(text.split(',').map(|name| name.trim().to_owned()).collect())
        } else {
            Self::Pattern(text.to_owned())
        };
        targets.check()?;
        Ok(targets)
    }
}

/// A site with its own rank and scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) site: Site,
    pub(crate) rank: usize,
    pub(crate) scale: f64,
}

/// The sites that a configuration chooses in a model, sorted.
pub(crate) fn places(config: &LoraConfig, model: &ModelConfig) -> Result<Vec<Place>, LoraError> {
    config.check()?;
    let chosen = config.targets.chooser()?;
    let ranks = compiled(&config.rank_pattern)?;
    let alphas = compiled(&config.alpha_pattern)?;
    let layers = chosen_layers(config, model.num_layers)?;
    let place = |site: Site| {
        let path = site.to_string();
        let rank = first(&ranks, &path).unwrap_or(config.rank);
        let alpha = first(&alphas, &path).unwrap_or(config.alpha);
        let scale = config.scale_of(rank, alpha);
        chosen(&path).then_some(Place { site, rank, scale })
    };
    let sites = layers
        .into_iter()
        .flat_map(|layer| Projection::ALL.map(|projection| Site { layer, projection }));
    let places: Vec<Place> = sites.filter_map(place).collect();
    if places.is_empty() {
        let found = format!("{:?}", config.targets.names());
        return Err(wrong(
            "targets",
            "at least one projection of the model",
            found,
        ));
    }
    Ok(places)
}

fn chosen_layers(config: &LoraConfig, count: usize) -> Result<Vec<usize>, LoraError> {
    let mut layers = config
        .layers
        .clone()
        .unwrap_or_else(|| (0..count).collect());
    layers.sort_unstable();
    layers.dedup();
    match layers.last() {
        Some(layer) if *layer >= count => {
            Err(wrong("layers", format!("blocks below {count}"), layer))
        }
        _ => Ok(layers),
    }
}

fn compiled<T: Copy>(patterns: &[(String, T)]) -> Result<Vec<(Pattern, T)>, LoraError> {
    let one = |(key, value): &(String, T)| Ok((Pattern::ending(key)?, *value));
    patterns.iter().map(one).collect()
}

fn first<T: Copy>(patterns: &[(Pattern, T)], path: &str) -> Option<T> {
    let found = patterns.iter().find(|(pattern, _)| pattern.matches(path));
    found.map(|(_, value)| *value)
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
    fn a_name_is_a_whole_part_of_a_path() {
        let path = "model.layers.1.self_attn.q_proj";
        assert!(ends_in(path, "q_proj") && ends_in(path, path));
        assert!(ends_in(path, "self_attn.q_proj"));
        assert!(!ends_in(path, "proj") && !ends_in(path, "k_proj"));
    }

    #[test]
    fn the_first_pattern_that_matches_an_end_holds() {
        let patterns = [("layers.0.*".to_owned(), 2), ("q_proj".to_owned(), 4)];
        let patterns = compiled(&patterns).unwrap();
        assert_eq!(first(&patterns, "model.layers.0.self_attn.q_proj"), Some(2));
        assert_eq!(first(&patterns, "model.layers.1.self_attn.q_proj"), Some(4));
        assert_eq!(first(&patterns, "model.layers.1.self_attn.v_proj"), None);
    }
}
