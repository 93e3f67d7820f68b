//! What a user sets about generation, in a file or on the command line.
//!
//! The numbers are f64, as files hold them; the sampler computes in f32.

mod sampling;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use sampling::{Sampler, SamplingSettings};

use crate::{GenerateError, GenerationConfig, Sampling, Stops};

/// How text is generated; flat keys of a configuration file.
///
/// In a file the key `sampler` names a [`Sampler`], whose values stand in for those of the keys below that
/// the file leaves out; written settings hold the values themselves and not the name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Given")]
pub struct GenerationSettings {
    /// The most new tokens of a text, 1 to 16777216; default 256.
    pub max_new_tokens: usize,
    /// Divides the logits, 0 to 1000; 0 takes the most probable token each time. Default 0.
    pub temperature: f64,
    /// Draw from this many of the most probable tokens; 0 is all, the default.
    pub top_k: usize,
    /// Draw from the smallest set of tokens of at least this probability, above 0 and at most 1; default 1.
    pub top_p: f64,
    /// Leave out tokens below this share of the most probable one's probability, 0 to 1; default 0.
    pub min_p: f64,
    /// Divides the logits of tokens that are there already, above 0 and at most 1000; 1, the default, is off.
    pub repetition_penalty: f64,
    /// Texts that are computed together, 1 to 65536; default 8.
    pub generation_batch_size: usize,
    /// The most tokens that a text guesses from itself and has verified in one pass of the model, at most 1024; 0 is off.
    /// Default 4.
    pub speculate: usize,
    /// Compute what prompts begin with in common once for all of them; default true.
    pub prefix_sharing: bool,
    /// End a text before any of these; none by default, none of them empty.
    pub stop: Vec<String>,
}

/// The settings as a file gives them.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename = "GenerationSettings")]
struct Given {
    #[serde(flatten)]
    sampling: SamplingSettings,
    /// The most new tokens of a text, 1 to 16777216; default 256.
    max_new_tokens: Option<usize>,
    /// Texts that are computed together, 1 to 65536; default 8.
    generation_batch_size: Option<usize>,
    /// The most tokens that a text guesses from itself and has verified in one pass of the model, at most 1024; 0 is off.
    /// Default 4.
    speculate: Option<usize>,
    /// Compute what prompts begin with in common once for all of them; default true.
    prefix_sharing: Option<bool>,
    /// End a text before any of these; none by default, none of them empty.
    stop: Vec<String>,
}

impl From<Given> for GenerationSettings {
    fn from(given: Given) -> Self {
        let named = given.sampling.over(Self::default());
        Self {
            max_new_tokens: given.max_new_tokens.unwrap_or(named.max_new_tokens),
            generation_batch_size: given
                .generation_batch_size
                .unwrap_or(named.generation_batch_size),
            speculate: given.speculate.unwrap_or(named.speculate),
            prefix_sharing: given.prefix_sharing.unwrap_or(named.prefix_sharing),
            stop: given.stop,
            ..named
        }
    }
}

impl From<Sampler> for GenerationSettings {
    fn from(sampler: Sampler) -> Self {
        let greedy = Self {
            max_new_tokens: 256,
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            generation_batch_size: 8,
            speculate: 4,
            prefix_sharing: true,
            stop: Vec::new(),
        };
        match sampler {
            Sampler::Greedy => greedy,
            Sampler::Sdft2402 => Self {
                max_new_tokens: 512,
                temperature: 0.95,
                top_k: 50,
                top_p: 0.7,
                ..greedy
            },
        }
    }
}

impl Default for GenerationSettings {
    /// Those of [`Sampler::Greedy`].
    fn default() -> Self {
        Sampler::default().into()
    }
}

impl GenerationSettings {
    /// How a token is chosen.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the sampler computes in f32; what is beyond it becomes infinite and is refused"
    )]
    pub fn sampling(&self) -> Sampling {
        Sampling {
            temperature: self.temperature as f32,
            top_k: self.top_k,
            top_p: self.top_p as f32,
            min_p: self.min_p as f32,
            repetition_penalty: self.repetition_penalty as f32,
        }
    }

    /// The settings of a run, with what ends a text of the model beside the settings' own texts.
    #[must_use]
    pub fn config(&self, mut stops: Stops) -> GenerationConfig {
        stops.strings.splice(0..0, self.stop.iter().cloned());
        GenerationConfig {
            sampling: self.sampling(),
            stops,
            max_new_tokens: self.max_new_tokens,
            batch_size: self.generation_batch_size,
            share_prefixes: self.prefix_sharing,
            speculate: self.speculate,
        }
    }

    /// Refuses values that are out of range.
    ///
    /// # Errors
    ///
    /// [`GenerateError::Setting`] names the first by its key.
    pub fn check(&self) -> Result<(), GenerateError> {
        self.sampling().check()?;
        let refuse = |name, expected, found: &str| GenerateError::Setting {
            name,
            expected,
            found: found.to_owned(),
        };
        let (tokens, rows) = (self.max_new_tokens, self.generation_batch_size);
        let at_least_1 = [("max_new_tokens", tokens), ("generation_batch_size", rows)];
        if let Some((name, _)) = at_least_1.into_iter().find(|(_, value)| *value == 0) {
            return Err(refuse(name, "at least 1", "0"));
        }
        // The model's positions bound the tokens of a local text further.
        let at_most = [
            ("max_new_tokens", tokens, 1 << 24, "at most 16777216"),
            ("generation_batch_size", rows, 1 << 16, "at most 65536"),
            ("speculate", self.speculate, 1 << 10, "at most 1024"),
        ];
        let large = at_most.into_iter().find(|(_, value, most, _)| most < value);
        if let Some((name, value, _, expected)) = large {
            return Err(refuse(name, expected, &value.to_string()));
        }
        if self.stop.iter().any(String::is_empty) {
            return Err(refuse("stop", "no empty text", "\"\""));
        }
        Ok(())
    }
}

impl SamplingSettings {
    /// The settings with what is said here; the named sampler, or else `otherwise`, has the rest.
    #[must_use]
    pub fn over(&self, otherwise: GenerationSettings) -> GenerationSettings {
        let named = self.sampler.map_or(otherwise, Into::into);
        GenerationSettings {
            temperature: self.temperature.unwrap_or(named.temperature),
            top_k: self.top_k.unwrap_or(named.top_k),
            top_p: self.top_p.unwrap_or(named.top_p),
            min_p: self.min_p.unwrap_or(named.min_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(named.repetition_penalty),
            ..named
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(value: serde_json::Value) -> GenerationSettings {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_named_sampler_stands_beneath_the_values_given() {
        let sdft = given(json!({"sampler": "sdft-2402"}));
        assert_eq!(sdft.sampling(), Sampling::SDFT_2402);
        assert_eq!(sdft.max_new_tokens, 512);
        assert_eq!(sdft, Sampler::Sdft2402.into());
        let cold = given(json!({"sampler": "sdft-2402", "temperature": 0.0, "max_new_tokens": 7}));
        assert_eq!(
            (cold.sampling().temperature, cold.top_k, cold.max_new_tokens),
            (0.0, 50, 7)
        );
        assert_eq!(given(json!({})), GenerationSettings::default());
        assert_eq!(given(json!({})).sampling(), Sampling::GREEDY);
    }

    #[test]
    fn written_settings_hold_every_value_and_read_back() {
        let settings = GenerationSettings {
            stop: vec!["###".into()],
            ..Sampler::Sdft2402.into()
        };
        let written = serde_json::to_value(&settings).unwrap();
        assert_eq!(written.as_object().unwrap().len(), 10);
        assert_eq!(given(written), settings);
    }

    #[test]
    fn the_schema_has_every_key_and_the_name_of_the_sampler() {
        let schema = schemars::schema_for!(GenerationSettings).to_value();
        let mut keys: Vec<_> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        let written = serde_json::to_value(GenerationSettings::default()).unwrap();
        let mut expected: Vec<_> = written.as_object().unwrap().keys().cloned().collect();
        expected.push("sampler".into());
        keys.sort();
        expected.sort();
        assert_eq!(keys, expected);
    }

    #[test]
    fn values_out_of_range_are_named_by_their_key() {
        let told = |value| given(value).check().unwrap_err().to_string();
        assert_eq!(
            told(json!({"generation_batch_size": 0})),
            "generation_batch_size: expected at least 1, found 0"
        );
        assert!(told(json!({"temperature": 1e300})).contains("temperature"));
        for key in ["max_new_tokens", "generation_batch_size", "speculate"] {
            let error = told(json!({key: 1_u64 << 40}));
            assert!(
                error.starts_with(&format!("{key}: expected at most ")),
                "{error}"
            );
        }
        for (key, value) in [("temperature", 1001.0), ("repetition_penalty", 1e9)] {
            assert!(told(json!({key: value})).starts_with(key));
        }
        assert!(told(json!({"stop": [""]})).contains("stop"));
        let nan = GenerationSettings {
            top_p: f64::NAN,
            ..GenerationSettings::default()
        };
        assert!(nan.check().unwrap_err().to_string().contains("top_p"));
    }

    #[test]
    fn the_settings_own_stops_come_first() {
        let settings = given(json!({"stop": ["a", "b"]}));
        let stops = Stops {
            tokens: vec![2],
            strings: vec!["c".into()],
            ignore_eos: false,
        };
        let config = settings.config(stops);
        assert_eq!(config.stops.strings, ["a", "b", "c"]);
        assert_eq!((config.stops.tokens, config.batch_size), (vec![2], 8));
    }

    #[test]
    fn what_is_said_stands_above_the_sampler_and_that_above_the_default() {
        let warm = GenerationSettings {
            temperature: 0.8,
            top_p: 0.95,
            ..GenerationSettings::default()
        };
        let mut settings = SamplingSettings::default();
        assert_eq!(settings.over(warm.clone()), warm);
        assert!(settings.given().is_empty());
        settings.top_k = Some(3);
        assert_eq!(
            settings.over(warm.clone()),
            GenerationSettings {
                top_k: 3,
                ..warm.clone()
            }
        );
        settings.sampler = Some(Sampler::Sdft2402);
        let found = settings.over(warm);
        assert_eq!((found.top_k, found.max_new_tokens), (3, 512));
        assert!((found.top_p - 0.7).abs() < 1e-12);
        let said = settings.given();
        assert_eq!(
            said,
            [("sampler", "sdft-2402".into()), ("top_k", "3".into())]
        );
    }
}
