//! A language model as one value: the base model's decoder, its tokenizer and template, and adapters.
//!
//! A model is cheap to clone, since tensors are handles, and never changes: what puts an adapter on or adds
//! words returns another model on the same weights. So one base model serves any number of adapters at once.

pub(crate) mod encode;
mod given;
mod open;
mod summary;
mod weights;
mod words;

pub use encode::MaskedRow;
pub use summary::{AdapterSummary, LoadedSummary, MemorySummary, ModelSummary};

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use burn::tensor::{Device, FloatDType};
use idiolect_lora::{BaseModel, LoraAdapter};
use idiolect_model::{Adapter, Bits, Decoder, LoadReport, NoAdapter};
use idiolect_prompt::Template;
use idiolect_tokens::{Tokenizer, TokenizerConfig};

use crate::adapters::Adapters;
use crate::text::{TemplateChoice, Text};
use crate::{Dtype, ModelSettings};

/// A model and everything that is asked of it: decoder, tokenizer, chat template, adapters, identity.
#[derive(Clone)]
pub struct LanguageModel {
    /// What it was read from.
    pub(crate) source: Arc<Source>,
    /// What it was opened with, and how that has changed since.
    pub(crate) settings: ModelSettings,
    /// The base model's decoder.
    pub(crate) decoder: Decoder,
    /// The base model's tokenizer and template.
    pub(crate) text: Arc<Text>,
    /// Words that were added to the vocabulary, with their ids.
    pub(crate) words: Vec<(u32, String)>,
    /// Which template was chosen.
    pub(crate) choice: TemplateChoice,
    pub(crate) adapters: Adapters,
}

/// Where a model's weights come from.
#[derive(Debug)]
pub(crate) struct Source {
    /// Last part of the model's path, or its Hub name.
    pub(crate) name: String,
    /// The branch, tag or commit that was named for a model of the Hub.
    pub(crate) revision: Option<String>,
    /// Where it was read from.
    pub(crate) path: PathBuf,
    /// The type that was asked for.
    pub(crate) dtype: FloatDType,
    /// Bits of its projections.
    pub(crate) bits: Option<Bits>,
    /// Whether matrices stay in the blocks of a GGUF file.
    pub(crate) as_stored: bool,
    /// What loading did.
    pub(crate) report: LoadReport,
    /// The type of most tensors of the files.
    pub(crate) files: Dtype,
    /// Whether the weights are no longer those of the files.
    pub(crate) trained: bool,
    /// Hash of the weights, once somebody asks for it.
    pub(crate) hash: OnceLock<String>,
}

impl LanguageModel {
    /// Last part of the model's path, or its Hub name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// The model as an adapter's folder records it.
    #[must_use]
    pub fn base(&self) -> BaseModel<'_> {
        BaseModel {
            name: self.name(),
            revision: self.source.revision.as_deref(),
        }
    }

    /// The folder or file that it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// What it was opened with: the model as it was named, and its device, type, bits and template as they are
    /// now.
    #[must_use]
    pub fn settings(&self) -> &ModelSettings {
        &self.settings
    }

    /// What loading did with each tensor of the checkpoint.
    #[must_use]
    pub fn load_report(&self) -> &LoadReport {
        &self.source.report
    }

    /// The decoder to compute with: the base model's, with the modules that the adapter trained whole in the
    /// place of its own.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        self.adapters.decoder().unwrap_or(&self.decoder)
    }

    /// The base model's decoder, whichever adapter is on.
    #[must_use]
    pub fn base_decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The adapter, the stack of several, or the base model's none.
    #[must_use]
    pub fn adapter(&self) -> &dyn Adapter {
        self.adapters.adapter().unwrap_or(&NoAdapter)
    }

    /// The adapter that is on, where it is a single one.
    #[must_use]
    pub fn lora(&self) -> Option<&LoraAdapter> {
        self.adapters.lora()
    }

    /// Text to tokens; with an adapter that brings more words, its tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.text().tokenizer
    }

    /// Special tokens and chat templates.
    #[must_use]
    pub fn tokenizer_config(&self) -> &TokenizerConfig {
        &self.text().config
    }

    /// Conversations to text.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.text().template
    }

    pub(crate) fn text(&self) -> &Arc<Text> {
        self.adapters.text().unwrap_or(&self.text)
    }

    /// The device that computes.
    #[must_use]
    pub fn device(&self) -> Device {
        self.decoder.device()
    }

    /// The type of activations, and of weights that are not quantised.
    #[must_use]
    pub fn dtype(&self) -> FloatDType {
        self.decoder.dtype()
    }

    /// The type that most tensors have in the files that the model was read from, `f16` where those are quantised:
    /// what is written has it too, unless another is asked for.
    #[must_use]
    pub fn files_dtype(&self) -> Dtype {
        self.source.files
    }

    /// Bits in which the projections are kept; none where they have the type of the rest.
    #[must_use]
    pub fn bits(&self) -> Option<Bits> {
        self.source.bits
    }

    /// The longest sequence that the model was made for, in tokens.
    #[must_use]
    pub fn max_positions(&self) -> usize {
        self.decoder.config.max_positions
    }

    /// Words that were added to the vocabulary of the checkpoint, in the order of their ids.
    pub fn added_words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|(_, word)| word.as_str())
    }
}

impl fmt::Debug for LanguageModel {
    /// Its name and what is on it; the weights are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LanguageModel")
            .field("name", &self.source.name)
            .field("path", &self.source.path)
            .field("device", &self.device())
            .field("dtype", &self.dtype())
            .field("template", &self.template().name())
            .field("adapters", &self.adapters.count())
            .finish_non_exhaustive()
    }
}
