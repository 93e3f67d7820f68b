//! What a model is and what an adapter changes, as numbers and names that can be shown or written.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use burn::module::Module;
use idiolect_data::listed;
use idiolect_input::counted;
use idiolect_lora::{LoraAdapter, adapter_shift, total_shift};
use idiolect_model::Cache;
use serde::Serialize;
use serde_json::Value;

use super::LanguageModel;

/// What a model is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelSummary {
    /// Where it was read from.
    pub model: PathBuf,
    /// Class of its architecture, as `LlamaForCausalLM`.
    pub architecture: String,
    /// Number of weights, a tied head counted once.
    pub parameters: usize,
    /// Type of weights and activations.
    pub dtype: String,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Width of the hidden state.
    pub hidden_size: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Width inside the feed-forward part.
    pub intermediate_size: usize,
    /// Longest sequence that it was made for, in tokens.
    pub max_positions: usize,
    /// Keys that a query sees, where not all.
    pub sliding_window: Option<usize>,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// How they are stretched, as a checkpoint's configuration says it.
    pub rope_scaling: Value,
    /// Whether the head is the embedding.
    pub tied_head: bool,
    /// Name of the template, and in brackets what it was chosen by where that says more.
    pub template: String,
    /// Spellings of the tokens that end a response: those of the checkpoint, or of a named template. What a chat
    /// template itself writes behind a response shows only when it renders, and is not among them.
    pub stops: Vec<String>,
    /// Their ids.
    pub stop_ids: Vec<u32>,
    /// Beginning of text.
    pub bos: Option<String>,
    /// End of text.
    pub eos: Option<String>,
    /// The id that fills up shorter rows.
    pub pad_id: u32,
    /// Ids of the tokenizer, one more than the highest.
    pub tokenizer_words: usize,
    /// What it takes of memory.
    pub memory: MemorySummary,
    /// What loading did.
    pub loaded: LoadedSummary,
    /// The adapter that is on, where it is a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<AdapterSummary>,
}

/// What a model takes of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MemorySummary {
    /// Bytes of the weights in their type.
    pub weights_bytes: usize,
    /// Bytes of the KV cache for each token of a row.
    pub cache_bytes_per_token: usize,
}

/// What loading did with the tensors of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadedSummary {
    /// Tensors that are in the decoder.
    pub tensors: usize,
    /// Names that the architecture has no use for.
    pub unused: Vec<String>,
    /// Parts of a wrapper beside the decoder, each with the number of its tensors: they are not computed with,
    /// and are carried over to what is written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<String>,
    /// Tensors whose type changed.
    pub cast: usize,
    /// Tensors that stay in the blocks of a GGUF file, by the type of those.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, usize>,
}

/// What an adapter is and how far it moves the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdapterSummary {
    /// Width of its bottleneck.
    pub rank: usize,
    /// Numerator of its scale.
    pub alpha: f64,
    /// The factor of its update.
    pub scale: f64,
    /// Projections with an update, or the expression that chooses them.
    pub targets: Vec<String>,
    /// Number of projections with an update.
    pub sites: usize,
    /// Modules that were trained whole.
    pub modules_to_save: Vec<String>,
    /// Number of its weights.
    pub parameters: usize,
    /// Frobenius norm of the change of all projections.
    pub shift: f64,
}

impl LanguageModel {
    /// What the model is, and what its adapter changes.
    #[must_use]
    pub fn summary(&self) -> ModelSummary {
        let (decoder, config) = (self.decoder(), &self.decoder().config);
        let (special, dtype) = (&self.tokenizer_config().special, decoder.dtype());
        let report = self.load_report();
        // A stranger's template is not run to say what a model is.
        let stops = self.template().given_stops();
        ModelSummary {
            model: self.path().to_owned(),
            architecture: config.class().into(),
            parameters: decoder.num_params(),
            dtype: format!("{dtype:?}").to_lowercase(),
            vocab_size: config.vocab_size,
            hidden_size: config.hidden_size,
            layers: config.num_layers,
            heads: config.num_heads,
            kv_heads: config.num_kv_heads,
            head_dim: config.head_dim,
            intermediate_size: config.intermediate_size,
            max_positions: config.max_positions,
            sliding_window: config.sliding_window,
            rope_theta: config.rope_theta,
            rope_scaling: config.rope_scaling.to_json(),
            tied_head: config.tied,
            template: self.template_name(),
            stop_ids: self.ids_that_end(&stops),
            stops,
            bos: special.bos.clone(),
            eos: special.eos.clone(),
            pad_id: self.pad_id(),
            tokenizer_words: self.tokenizer().vocab_size(),
            memory: MemorySummary {
                weights_bytes: decoder.weight_bytes(),
                cache_bytes_per_token: Cache::bytes_per_token(config, dtype),
            },
            loaded: LoadedSummary {
                tensors: report.loaded.len(),
                unused: report.unused.clone(),
                carried: carried(&report.carried),
                cast: report.cast.len(),
                kept: report.kept.clone(),
            },
            adapter: self.lora().map(|adapter| self.adapter_summary(adapter)),
        }
    }

    /// The template's own name, with the file that it was chosen by.
    fn template_name(&self) -> String {
        let name = self.template().name();
        match &self.settings.template {
            Some(asked) if asked != name => format!("{name} ({asked})"),
            None if !Arc::ptr_eq(self.text(), &self.text) => format!("{name} (the adapter's)"),
            _ => name.into(),
        }
    }

    fn adapter_summary(&self, adapter: &LoraAdapter) -> AdapterSummary {
        let config = &adapter.config;
        AdapterSummary {
            rank: config.rank,
            alpha: config.alpha,
            scale: config.scale(),
            targets: config.targets.names(),
            sites: adapter.sites.len(),
            modules_to_save: config.modules_to_save.clone(),
            parameters: adapter.num_params(),
            shift: total_shift(&adapter_shift(adapter, self.decoder())),
        }
    }
}

impl fmt::Display for ModelSummary {
    /// Lines of `name  value`, parts as `memory.weights_bytes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = serde_json::to_value(self).map_err(|_| fmt::Error)?;
        f.write_str(&listed(&about))
    }
}

/// The first parts of names, each with how often it stands there.
fn carried(names: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        *counts
            .entry(name.split('.').next().unwrap_or(name))
            .or_default() += 1;
    }
    let one =
        |(part, count): (&str, usize)| format!("{part} ({})", counted(count, "tensor", "tensors"));
    counts.into_iter().map(one).collect()
}
