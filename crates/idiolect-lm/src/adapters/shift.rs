//! How far adapters, or another model, stand from a model: the norm of the change of every weight.

use idiolect_lora::{SiteShift, WeightShift, adapter_shift, load_adapter, weight_shifts};
use serde::Serialize;

use super::{WeightedAdapter, adapter_folder};
use crate::{LanguageModel, LmError};

/// The change of every weight that moved.
#[derive(Debug, Clone, PartialEq)]
pub struct Shifts {
    /// In the order of computation.
    pub weights: Vec<WeightShift>,
}

/// The change of one weight, as files have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShiftRow {
    /// Path of the weight in a Hugging Face checkpoint.
    pub id: String,
    /// Frobenius norm of the change.
    pub shift: f64,
    /// The same divided by the norm of the model's weight.
    pub relative_shift: f64,
}

/// The change of all weights together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ShiftSummary {
    /// Weights that moved.
    pub rows: usize,
    /// Frobenius norm of the whole change.
    pub shift: f64,
    /// Mean of the relative changes.
    pub relative_shift: f64,
}

impl Shifts {
    /// A row for each weight.
    #[must_use]
    pub fn rows(&self) -> Vec<ShiftRow> {
        let row = |one: &WeightShift| ShiftRow {
            id: one.path.clone(),
            shift: one.norm,
            relative_shift: one.relative,
        };
        self.weights.iter().map(row).collect()
    }

    /// The root of the summed squares, and the mean of the relative changes.
    #[must_use]
    pub fn summary(&self) -> ShiftSummary {
        let weights = self.weights.iter();
        let squares: f64 = weights.clone().map(|one| one.norm * one.norm).sum();
        let relative: f64 = weights.map(|one| one.relative).sum();
        ShiftSummary {
            rows: self.weights.len(),
            shift: squares.sqrt(),
            relative_shift: relative / self.weights.len().max(1) as f64,
        }
    }
}

impl LanguageModel {
    /// What the weighted sum of adapters changes, projection by projection; one alone may be of any kind. The
    /// weights 1 and -1 give the distance between two adapters.
    ///
    /// # Errors
    ///
    /// [`LmError::Lora`] for folders that cannot be read, do not fit the model or cannot be combined.
    pub fn shift_of(&self, parts: &[WeightedAdapter]) -> Result<Shifts, LmError> {
        let sites = match parts {
            [only] if only.is_whole() => adapter_shift(
                &load_adapter(
                    &adapter_folder(&only.folder)?,
                    &self.decoder,
                    &self.device(),
                )?,
                &self.decoder,
            ),
            several => adapter_shift(&self.combined(several)?, &self.decoder),
        };
        let one = |site: &SiteShift| WeightShift {
            path: site.site.to_string(),
            norm: site.norm,
            relative: site.relative,
        };
        Ok(Shifts {
            weights: sites.iter().map(one).collect(),
        })
    }

    /// The distance of every weight of another model of the same shape from this one's; adapters have no part
    /// in it.
    ///
    /// # Errors
    ///
    /// [`LmError::Lora`] where a weight has another shape, or one of the models has more weights.
    pub fn shift_to(&self, other: &Self) -> Result<Shifts, LmError> {
        Ok(Shifts {
            weights: weight_shifts(&self.decoder, &other.decoder)?,
        })
    }
}
