//! Adapters of a model: none, one with what it trained whole and the words that it brings, or a weighted stack.

mod combine;
mod fit;
mod folder;
mod merge;
mod put_on;
mod shift;
mod weighted;

pub use combine::CombineSummary;
pub use folder::adapter_folder;
pub(crate) use folder::check_folders;
pub use merge::{MergeOptions, MergeSummary};
pub use shift::{ShiftRow, ShiftSummary, Shifts};
pub use weighted::WeightedAdapter;

use std::sync::{Arc, OnceLock};

use idiolect_data::{content_hash, text_hash};
use idiolect_lora::{BaseModel, LoraAdapter, Stack, save_adapter};
use idiolect_model::{Adapter, Decoder};

use crate::LmError;
use crate::text::Text;

/// What is on a model.
#[derive(Debug, Clone, Default)]
pub(crate) enum Adapters {
    /// The base model as it is.
    #[default]
    None,
    /// A single adapter.
    One(Arc<Adapted>),
    /// Several that work at the same time, or one in part.
    Several(Arc<Stacked>),
}

/// A single adapter and what comes with it.
#[derive(Debug, Clone)]
pub(crate) struct Adapted {
    pub(crate) adapter: LoraAdapter,
    /// The base model's decoder with the modules that were trained whole in the place of its own.
    pub(crate) decoder: Decoder,
    /// Its own tokenizer, where it brings more words, or else the base model's.
    pub(crate) text: Arc<Text>,
    /// What its folder records as the base model.
    pub(crate) base: String,
    /// The revision of that on the Hub, where one was named.
    pub(crate) revision: Option<String>,
    /// Hash of its files, known from the beginning where it was read from a folder.
    pub(crate) hash: OnceLock<String>,
}

/// Several adapters, each with the hash of its files.
#[derive(Debug, Clone)]
pub(crate) struct Stacked {
    pub(crate) stack: Stack,
    pub(crate) hashes: Vec<String>,
}

impl Adapters {
    pub(crate) fn decoder(&self) -> Option<&Decoder> {
        match self {
            Self::One(one) => Some(&one.decoder),
            Self::None | Self::Several(_) => None,
        }
    }

    pub(crate) fn adapter(&self) -> Option<&dyn Adapter> {
        match self {
            Self::None => None,
            Self::One(one) => Some(&one.adapter),
            Self::Several(several) => Some(&several.stack),
        }
    }

    pub(crate) fn lora(&self) -> Option<&LoraAdapter> {
        match self {
            Self::One(one) => Some(&one.adapter),
            Self::None | Self::Several(_) => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&Arc<Text>> {
        match self {
            Self::One(one) => Some(&one.text),
            Self::None | Self::Several(_) => None,
        }
    }

    pub(crate) fn count(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Several(several) => several.stack.parts.len(),
        }
    }

    /// The same with the tokenizer's template made anew.
    pub(crate) fn with_text(
        &self,
        again: impl FnOnce(&Arc<Text>) -> Result<Arc<Text>, LmError>,
    ) -> Result<Self, LmError> {
        Ok(match self {
            Self::One(one) => {
                let text = again(&one.text)?;
                Self::One(Arc::new(Adapted {
                    text,
                    ..(**one).clone()
                }))
            }
            other => other.clone(),
        })
    }

    /// Tells what is on from anything else; nothing for the base model.
    pub(crate) fn hash(&self) -> Result<Option<String>, LmError> {
        match self {
            Self::None => Ok(None),
            Self::One(one) => one.hash().map(Some),
            Self::Several(several) => Ok(Some(several.hash())),
        }
    }
}

impl Adapted {
    /// Hash of its files; of one that is in memory alone, of the files that it would be saved as.
    fn hash(&self) -> Result<String, LmError> {
        if let Some(hash) = self.hash.get() {
            return Ok(hash.clone());
        }
        let folder = tempfile::tempdir().map_err(LmError::io(std::env::temp_dir()))?;
        let base = BaseModel {
            name: &self.base,
            revision: self.revision.as_deref(),
        };
        save_adapter(&self.adapter, folder.path(), base)?;
        let found = content_hash(folder.path())?;
        Ok(self.hash.get_or_init(|| found).clone())
    }
}

impl Stacked {
    fn hash(&self) -> String {
        let weights = self.stack.parts.iter().map(|part| part.weight);
        let parts = self.hashes.iter().zip(weights);
        let parts: Vec<String> = parts.map(|(hash, w)| format!("{hash}={w}")).collect();
        text_hash(&parts.join("\n"))
    }
}
