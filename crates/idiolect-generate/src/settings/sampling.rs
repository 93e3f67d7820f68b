//! What a user sets about how tokens are drawn: a sampler by name, and values above it.
//!
//! Text generation and evaluations share these keys; their defaults differ.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A sampler by name: values for the settings that are not given themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Sampler {
    /// The most probable token each time; 256 new tokens.
    #[default]
    Greedy,
    /// That of arXiv 2402.13669: temperature 0.95, top-k 50, top-p 0.7; 512 new tokens.
    #[serde(rename = "sdft-2402")]
    Sdft2402,
}

impl Sampler {
    /// All samplers.
    pub const ALL: [Self; 2] = [Self::Greedy, Self::Sdft2402];

    /// The name in files of settings and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Greedy => "greedy",
            Self::Sdft2402 => "sdft-2402",
        }
    }
}

/// How tokens are drawn, as far as it is said; flat keys of a configuration file.
///
/// What is left out is the named sampler's, and without a name that of whoever generates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SamplingSettings {
    /// Sampler whose values stand in for those not given: greedy (the default) or sdft-2402.
    pub sampler: Option<Sampler>,
    /// Divides the logits, 0 to 1000; 0 takes the most probable token each time. Default 0.
    pub temperature: Option<f64>,
    /// Draw from this many of the most probable tokens; 0 is all, the default.
    pub top_k: Option<usize>,
    /// Draw from the smallest set of tokens of at least this probability, above 0 and at most 1; default 1.
    pub top_p: Option<f64>,
    /// Leave out tokens below this share of the most probable one's probability, 0 to 1; default 0.
    pub min_p: Option<f64>,
    /// Divides the logits of tokens that are there already, above 0 and at most 1000; 1, the default, is off.
    pub repetition_penalty: Option<f64>,
}

impl SamplingSettings {
    /// Each key that is said, with its value, in the order of the fields.
    #[must_use]
    pub fn given(&self) -> Vec<(&'static str, String)> {
        let text = |number: Option<f64>| number.map(|number| number.to_string());
        let sampler = self.sampler.map(|sampler| sampler.name().to_owned());
        let all = [
            ("sampler", sampler),
            ("temperature", text(self.temperature)),
            ("top_k", self.top_k.map(|number| number.to_string())),
            ("top_p", text(self.top_p)),
            ("min_p", text(self.min_p)),
            ("repetition_penalty", text(self.repetition_penalty)),
        ];
        let said = all.into_iter();
        said.filter_map(|(key, value)| Some((key, value?)))
            .collect()
    }
}
