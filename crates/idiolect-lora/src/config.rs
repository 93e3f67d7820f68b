//! What an adapter is like: rank, scale, places, and how it starts.
//!
//! It holds no option of the loop; how long and how fast to train is the trainer's.

mod patterns;

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::wrong;
use crate::targets::Pattern;
use crate::{LoraError, Targets};

/// More than the width of any model: a larger rank is a slip, and would take the machine's memory.
const MOST_RANK: usize = 65_536;
/// A larger alpha, of either sign, is a slip, and would make factors infinite.
const MOST_ALPHA: f64 = 1e6;

/// How the update is scaled before it is added. In files it is `rslora`, true or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub enum Scaling {
    /// `alpha / rank` (Hu et al., arXiv 2106.09685, section 4.1).
    Standard,
    /// `alpha / sqrt(rank)` (rsLoRA; Kalajdzievski, arXiv 2312.03732).
    RankStabilized,
}

impl From<bool> for Scaling {
    fn from(rslora: bool) -> Self {
        if rslora {
            Self::RankStabilized
        } else {
            Self::Standard
        }
    }
}

impl From<Scaling> for bool {
    fn from(scaling: Scaling) -> Self {
        scaling == Scaling::RankStabilized
    }
}

/// How the factors start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// `A` uniform in `±1/sqrt(in)`, `B` zero: PEFT's default, `kaiming_uniform_` with `a = sqrt(5)`.
    Kaiming,
    /// `A` normal with deviation `1/rank`, `B` zero: PEFT's `gaussian`.
    Gaussian,
    /// The largest singular values and vectors of the weight, which are taken out of it (Meng et al.,
    /// arXiv 2404.02948): PEFT's `pissa`, by an exact decomposition on the host.
    Pissa,
    /// An orthonormal basis of the weight's first rows and the weight's parts along it, which are taken out of
    /// it (`OLoRA`; Büyükakyüz, arXiv 2406.01775): PEFT's `olora`, but for the signs of pairs of a column of `A`
    /// and a row of `B`.
    Olora,
}

impl Init {
    /// Whether the factors are cut out of the weight, so that only their change counts.
    #[must_use]
    pub fn is_of_weight(self) -> bool {
        matches!(self, Self::Pissa | Self::Olora)
    }
}

impl FromStr for Init {
    type Err = LoraError;

    fn from_str(name: &str) -> Result<Self, LoraError> {
        match name {
            "kaiming" => Ok(Self::Kaiming),
            "gaussian" => Ok(Self::Gaussian),
            "pissa" => Ok(Self::Pissa),
            "olora" => Ok(Self::Olora),
            _ => Err(wrong("init", "kaiming, gaussian, pissa or olora", name)),
        }
    }
}

/// Shape of an adapter. In files a field that is left out has its default, and an unknown one is refused.
///
/// ```
/// use idiolect_lora::{LoraConfig, Targets};
///
/// let config = LoraConfig { rank: 16, targets: Targets::AllLinear, ..LoraConfig::default() };
/// assert!(config.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LoraConfig {
    /// Width of the bottleneck, 1 to 65536. Default 8, that of self-distillation (arXiv 2402.13669,
    /// section 4).
    pub rank: usize,
    /// Numerator of the scale, alpha / rank, at most 1000000; above 0 to train with. Default 16, twice the rank, as in the scripts of
    /// self-distillation.
    pub alpha: f64,
    /// Projections that get an update. In files: names with commas between, `all-linear`, or a regular
    /// expression that matches whole paths such as `model.layers.0.self_attn.q_proj`. Default
    /// `q_proj,v_proj`, as in arXiv 2402.13669.
    #[schemars(with = "String")]
    pub targets: Targets,
    /// Projections that get none although `targets` chooses them, written as `targets` are; as PEFT's
    /// `exclude_modules`. Default none.
    #[schemars(with = "Option<String>")]
    pub exclude_modules: Option<Targets>,
    /// How rank and alpha make the scale. In files `rslora`: true scales by alpha / sqrt(rank). Default
    /// false.
    #[serde(rename = "rslora")]
    #[schemars(with = "bool")]
    pub scaling: Scaling,
    /// Whether each output of an adapted projection has a magnitude of its own (`DoRA`). Default false.
    pub dora: bool,
    /// Whether the second factor has a bias for each output, which the scale multiplies too; as PEFT's
    /// `lora_bias`, so neither with `dora` nor with a start cut out of the weight. Default false.
    pub lora_bias: bool,
    /// Blocks that get updates, counted from 0; none stands for all, which is the default.
    pub layers: Option<Vec<usize>>,
    /// Other ranks, each for the sites whose path ends in what the regular expression matches, as
    /// PEFT's `rank_pattern`; the first that matches holds. In files each is `PATTERN=RANK`. Default none.
    #[serde(with = "patterns")]
    #[schemars(with = "Vec<String>")]
    pub rank_pattern: Vec<(String, usize)>,
    /// Other alphas, likewise. In files each is `PATTERN=ALPHA`. Default none.
    #[serde(with = "patterns")]
    #[schemars(with = "Vec<String>")]
    pub alpha_pattern: Vec<(String, f64)>,
    /// Share of an update's inputs that a training pass leaves out, at least 0 and below 1. Default 0.
    pub dropout: f64,
    /// How the factors start. Default `kaiming`, PEFT's.
    pub init: Init,
    /// Modules that train whole beside the factors, by the ends of their names: `embed_tokens`,
    /// `lm_head`, and norms, of which `norm` is all and `model.norm` the last. Default none.
    pub modules_to_save: Vec<String>,
    /// Whether an embedding that is the head as well stays so when it trains whole. Without it the head
    /// becomes a matrix of its own, as in PEFT, and that is the default of [`LoraConfig::default`]; in
    /// files the default is true.
    #[serde(default = "stays_tied")]
    pub ensure_weight_tying: bool,
}

/// What `ensure_weight_tying` is where a file does not say.
fn stays_tied() -> bool {
    true
}

impl LoraConfig {
    /// The factor `s` of `y = x W + s (x A) B` where no pattern says otherwise.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale_of(self.rank, self.alpha)
    }

    pub(crate) fn scale_of(&self, rank: usize, alpha: f64) -> f64 {
        match self.scaling {
            Scaling::Standard => alpha / rank as f64,
            Scaling::RankStabilized => alpha / (rank as f64).sqrt(),
        }
    }

    /// Refuses numbers out of range, patterns that do not parse, empty targets, and `DoRA` with `PiSSA`.
    ///
    /// # Errors
    ///
    /// [`LoraError::Setting`] names the first of them.
    pub fn check(&self) -> Result<(), LoraError> {
        let others = self.rank_pattern.iter().map(|(_, rank)| *rank);
        let mut ranks = std::iter::once(self.rank).chain(others);
        if let Some(rank) = ranks.find(|rank| !(1..=MOST_RANK).contains(rank)) {
            return Err(wrong("rank", format!("1 to {MOST_RANK}"), rank));
        }
        let mut alphas = self.alpha_pattern.iter().map(|(_, alpha)| *alpha);
        let is_alpha = |alpha: &f64| alpha.abs() <= MOST_ALPHA;
        let expected = format!("a number of at most {MOST_ALPHA}");
        if let Some(alpha) = alphas.find(|alpha| !is_alpha(alpha)) {
            return Err(wrong("alpha_pattern", expected, alpha));
        }
        if !is_alpha(&self.alpha) {
            return Err(wrong("alpha", expected, self.alpha));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(wrong("dropout", "at least 0 and below 1", self.dropout));
        }
        if self.dora && self.init.is_of_weight() {
            let found = format!("{:?}", self.init).to_lowercase();
            return Err(wrong("init", "another start with magnitudes", found));
        }
        if self.lora_bias && (self.dora || self.init != Init::Kaiming) {
            let expected = "false beside dora or another start than kaiming";
            return Err(wrong("lora_bias", expected, true));
        }
        self.check_places()
    }

    fn check_places(&self) -> Result<(), LoraError> {
        if self.layers.as_ref().is_some_and(Vec::is_empty) {
            return Err(wrong("layers", "at least one block", "none"));
        }
        if let (Targets::Pattern(pattern), Some(_)) = (&self.targets, &self.layers) {
            // PEFT refuses the two together as well.
            return Err(wrong("targets", "names where blocks are chosen", pattern));
        }
        let ranks = self.rank_pattern.iter().map(|(key, _)| key);
        for key in ranks.chain(self.alpha_pattern.iter().map(|(key, _)| key)) {
            Pattern::ending(key)?;
        }
        if let Some(excluded) = &self.exclude_modules {
            excluded.check()?;
        }
        self.targets.check()
    }
}

impl Default for LoraConfig {
    /// Rank 8, alpha 16, queries and values: the setting of arXiv 2402.13669 and its scripts.
    fn default() -> Self {
        Self {
            rank: 8,
            alpha: 16.0,
            targets: Targets::Names(vec!["q_proj".into(), "v_proj".into()]),
            exclude_modules: None,
            scaling: Scaling::Standard,
            dora: false,
            lora_bias: false,
            layers: None,
            rank_pattern: Vec::new(),
            alpha_pattern: Vec::new(),
            dropout: 0.0,
            init: Init::Kaiming,
            modules_to_save: Vec::new(),
            ensure_weight_tying: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_makes_no_adapter_is_refused_by_name() {
        let refused = |config: LoraConfig, part: &str| {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        let plain = LoraConfig::default;
        refused(
            LoraConfig { rank: 0, ..plain() },
            "rank: expected 1 to 65536, found 0",
        );
        refused(
            LoraConfig {
                targets: Targets::Names(Vec::new()),
                ..plain()
            },
            "targets: expected at least one",
        );
        refused(
            LoraConfig {
                rank_pattern: vec![("q_proj".into(), 0)],
                ..plain()
            },
            "rank: expected 1 to 65536, found 0",
        );
        refused(
            LoraConfig {
                alpha_pattern: vec![("(q".into(), 1.0)],
                ..plain()
            },
            "pattern: expected a regular expression",
        );
        refused(
            LoraConfig {
                dropout: 1.0,
                ..plain()
            },
            "dropout: expected at least 0 and below 1, found 1",
        );
        refused(
            LoraConfig {
                layers: Some(vec![0]),
                targets: Targets::Pattern(".*q_proj".into()),
                ..plain()
            },
            "expected names where blocks are chosen",
        );
        refused(
            LoraConfig {
                dora: true,
                init: Init::Pissa,
                ..plain()
            },
            "init: expected another start",
        );
        assert!("loftq".parse::<Init>().is_err());
    }

    #[test]
    fn an_alpha_that_is_no_number_or_a_slip_is_refused_by_name() {
        let plain = LoraConfig::default;
        let refused = |config: LoraConfig, part: &str| {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        for alpha in [f64::NAN, f64::INFINITY, 1e7, -1e7] {
            refused(
                LoraConfig { alpha, ..plain() },
                "alpha: expected a number of at most",
            );
            let alpha_pattern = vec![("q_proj".into(), alpha)];
            refused(
                LoraConfig {
                    alpha_pattern,
                    ..plain()
                },
                "alpha_pattern: expected a number of at most",
            );
        }
    }

    #[test]
    fn a_file_holds_flat_keys_and_what_it_leaves_out_has_its_default() {
        let text = "rank = 4\ntargets = \"all-linear\"\nrslora = true\nlayers = [0, 2]\n\
                    rank_pattern = [\"layers.0.*=2\"]\nalpha_pattern = [\"a=b=0.5\"]\ninit = \"gaussian\"\n";
        let found: LoraConfig = toml::from_str(text).unwrap();
        let expected = LoraConfig {
            rank: 4,
            targets: Targets::AllLinear,
            scaling: Scaling::RankStabilized,
            layers: Some(vec![0, 2]),
            rank_pattern: vec![("layers.0.*".into(), 2)],
            alpha_pattern: vec![("a=b".into(), 0.5)],
            init: Init::Gaussian,
            ensure_weight_tying: true,
            ..LoraConfig::default()
        };
        assert_eq!(found, expected);
        let again: LoraConfig = toml::from_str(&toml::to_string(&found).unwrap()).unwrap();
        assert_eq!(again, found);
    }

    #[test]
    fn a_file_with_another_key_or_kind_is_refused() {
        let refused = |text: &str, part: &str| {
            let error = toml::from_str::<LoraConfig>(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        refused("ranks = 4", "unknown field `ranks`");
        refused(
            "init = \"loftq\"",
            "expected one of `kaiming`, `gaussian`, `pissa`, `olora`",
        );
        refused("targets = \"q_proj,c_attn\"", "\"c_attn\"");
        refused(
            "rank_pattern = [\"q_proj\"]",
            "expected a pattern, =, and a number, found \"q_proj\"",
        );
    }
}
