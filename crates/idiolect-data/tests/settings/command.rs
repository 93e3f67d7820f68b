//! The settings of a command, made of two parts.

use std::path::PathBuf;

use idiolect_data::settings::{Layer, resolve};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Schedule {
    #[default]
    Cosine,
    NotAtAll,
}

/// An enum whose variants are documented has another schema than one without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Truncation {
    /// Refuses long rows.
    #[default]
    Error,
    /// Leaves them out.
    Drop,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Train {
    /// The step size.
    pub(crate) learning_rate: f64,
    pub(crate) epochs: usize,
    pub(crate) seed: u64,
    pub(crate) schedule: Schedule,
    pub(crate) truncation: Truncation,
    pub(crate) shuffle: bool,
    pub(crate) bits: Option<u8>,
}

impl Default for Train {
    fn default() -> Self {
        Self {
            learning_rate: 2e-4,
            epochs: 1,
            seed: 42,
            schedule: Schedule::Cosine,
            truncation: Truncation::Error,
            shuffle: true,
            bits: None,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Data {
    pub(crate) data: Vec<PathBuf>,
    pub(crate) weights: Vec<f32>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Command {
    #[serde(flatten)]
    pub(crate) data: Data,
    #[serde(flatten)]
    pub(crate) train: Train,
    pub(crate) out: Option<PathBuf>,
}

pub(crate) fn from(texts: &[&str]) -> Result<Command, String> {
    let layers = texts.iter().enumerate();
    let layers = layers.map(|(at, text)| Layer::parse(&format!("{at}.toml"), text));
    let layers: Vec<Layer> = layers
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    resolve(&layers).map_err(|error| error.to_string())
}

#[track_caller]
pub(crate) fn refused(text: &str, expected: &str) {
    assert_eq!(from(&[text]).unwrap_err(), expected);
}
