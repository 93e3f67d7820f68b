//! What an adapter is like: rank, scale, and the projections that it changes.
//!
//! It holds no training option; how long and how fast to train is the trainer's.

use std::collections::BTreeSet;
use std::str::FromStr;

use idiolect_model::Projection;

use crate::LoraError;

/// How the update is scaled before it is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// `alpha / rank` (Hu et al., arXiv 2106.09685, section 4.1).
    Standard,
    /// `alpha / sqrt(rank)` (rsLoRA; Kalajdzievski, arXiv 2312.03732).
    RankStabilized,
}

/// Shape of an adapter. The same rank and scale hold at every site.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraConfig {
    /// Width of the bottleneck, at least 1. Self-distillation used 8 (arXiv 2402.13669, section 4).
    pub rank: usize,
    /// Numerator of the scale. The scripts of self-distillation use 16, twice the rank.
    pub alpha: f64,
    /// Projections that get an update, in every block.
    pub targets: Targets,
    /// How rank and alpha make the scale.
    pub scaling: Scaling,
}

impl LoraConfig {
    /// The factor `s` of `y = x W + s (x A) B`.
    #[must_use]
    pub fn scale(&self) -> f64 {
        match self.scaling {
            Scaling::Standard => self.alpha / self.rank as f64,
            Scaling::RankStabilized => self.alpha / (self.rank as f64).sqrt(),
        }
    }

    /// Refuses a rank of 0, an alpha that is no number, and an empty target.
    ///
    /// # Errors
    ///
    /// [`LoraError::Setting`] names the first of them.
    pub fn check(&self) -> Result<(), LoraError> {
        let wrong = |field: &str, expected: &str, found: String| {
            let (place, field, expected) = ("adapter".into(), field.into(), expected.into());
            Err(LoraError::Setting {
                place,
                field,
                expected,
                found,
            })
        };
        if self.rank == 0 {
            return wrong("rank", "at least 1", self.rank.to_string());
        }
        if !self.alpha.is_finite() {
            return wrong("alpha", "a number", self.alpha.to_string());
        }
        if self.targets.0.is_empty() {
            return wrong("targets", "at least one projection", "none".into());
        }
        Ok(())
    }
}

impl Default for LoraConfig {
    /// Rank 8, alpha 16, queries and values: the setting of arXiv 2402.13669 and its scripts.
    fn default() -> Self {
        let targets = Targets(BTreeSet::from([Projection::Query, Projection::Value]));
        Self {
            rank: 8,
            alpha: 16.0,
            targets,
            scaling: Scaling::Standard,
        }
    }
}

/// A set of projections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets(pub BTreeSet<Projection>);

impl Targets {
    /// All seven projections of a block; never the head, as PEFT's `all-linear`.
    #[must_use]
    pub fn all_linear() -> Self {
        Self(Projection::ALL.into_iter().collect())
    }

    /// The names, as a checkpoint spells them.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|projection| projection.name()).collect()
    }
}

impl FromStr for Targets {
    type Err = LoraError;

    /// `all-linear`, or names with commas between them: `q_proj,v_proj`.
    fn from_str(text: &str) -> Result<Self, LoraError> {
        if text.trim() == "all-linear" {
            return Ok(Self::all_linear());
        }
        let one = |name: &str| {
            Projection::parse(name.trim()).ok_or_else(|| LoraError::Setting {
                place: "adapter".into(),
                field: "targets".into(),
                expected: format!(
                    "all-linear or some of {}",
                    Self::all_linear().names().join(", ")
                ),
                found: format!("{name:?}"),
            })
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_by_name() {
        let targets: Targets = "v_proj, q_proj".parse().unwrap();
        assert_eq!(targets.names(), ["q_proj", "v_proj"]);
        assert_eq!("all-linear".parse::<Targets>().unwrap().0.len(), 7);
        let error = "q_proj,lm_head".parse::<Targets>().unwrap_err().to_string();
        assert!(
            error.contains("\"lm_head\"") && error.contains("down_proj"),
            "{error}"
        );
    }

    #[test]
    fn the_scale_follows_rank_and_kind() {
        let standard = LoraConfig::default();
        assert!((standard.scale() - 2.0).abs() < 1e-15);
        let stabilized = LoraConfig {
            scaling: Scaling::RankStabilized,
            ..standard
        };
        assert!((stabilized.scale() - 16.0 / 8f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn an_empty_shape_is_refused() {
        let none = LoraConfig {
            rank: 0,
            ..LoraConfig::default()
        };
        assert!(
            none.check()
                .unwrap_err()
                .to_string()
                .contains("rank: expected at least 1, found 0")
        );
        let nowhere = LoraConfig {
            targets: Targets(BTreeSet::new()),
            ..LoraConfig::default()
        };
        assert!(nowhere.check().is_err());
    }
}
