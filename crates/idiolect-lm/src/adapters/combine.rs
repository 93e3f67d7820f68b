//! Several adapters of one model as one: their changes weighted and added up, written as a PEFT folder.

use std::path::{Path, PathBuf};

use idiolect_lora::{
    LoraAdapter, ScaledAdapter, adapter_shift, combine, load_adapter, save_adapter, total_shift,
};
use serde::Serialize;

use super::{WeightedAdapter, adapter_folder};
use crate::{LanguageModel, LmError};

/// What came of combining adapters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CombineSummary {
    /// The folder that was written.
    pub out: PathBuf,
    /// How many adapters were combined.
    pub adapters: usize,
    /// The largest rank of the result.
    pub rank: usize,
    /// Projections with an update.
    pub sites: usize,
    /// Frobenius norm of the change of all projections.
    pub shift: f64,
}

impl LanguageModel {
    /// Writes one adapter whose change is the weighted sum of those of `parts`, with the model's tokenizer
    /// beside it.
    ///
    /// # Errors
    ///
    /// [`LmError::Lora`] for folders that cannot be read, do not fit the model or cannot be combined
    /// (magnitudes, modules trained whole), and where `out` cannot be written.
    pub fn combine(
        &self,
        parts: &[WeightedAdapter],
        out: &Path,
    ) -> Result<CombineSummary, LmError> {
        let one = self.combined(parts)?;
        save_adapter(&one, out, self.base())?;
        self.text.save(out)?;
        Ok(CombineSummary {
            out: out.to_owned(),
            adapters: parts.len(),
            rank: one.config.rank,
            sites: one.sites.len(),
            shift: total_shift(&adapter_shift(&one, &self.decoder)),
        })
    }

    /// The weighted sum of adapters, as one that is in memory.
    pub(super) fn combined(&self, parts: &[WeightedAdapter]) -> Result<LoraAdapter, LmError> {
        let read = |part: &WeightedAdapter| {
            let adapter = load_adapter(
                &adapter_folder(&part.folder)?,
                &self.decoder,
                &self.device(),
            )?;
            let weight = part.weight;
            Ok::<_, LmError>(ScaledAdapter { adapter, weight })
        };
        let parts = parts.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(combine(&parts)?)
    }
}
