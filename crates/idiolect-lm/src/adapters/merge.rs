//! An adapter folded into its model, as a Hugging Face folder.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use idiolect_data::{fill_folder, require_folder};
use idiolect_lora::{LoraAdapter, combine, merge_checked};
use idiolect_model::{Decoder, SaveOptions, save, weight_files};
use serde::Serialize;

use super::Adapters;
use crate::text::Text;
use crate::{Dtype, LanguageModel, LmError};

/// What the logits are compared on: plain text of both kinds that users have, prose and code.
const PROBE: &str =
    "The merged model must answer as the adapter did: fn add(a: i64, b: i64) -> i64 { a + b }";
/// What a folder must have to be a model.
const CONFIG: &str = "config.json";
/// Bytes of a megabyte, as file sizes are counted.
const MEGABYTE: u64 = 1_000_000;

/// How a merged model is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeOptions {
    /// Type of the weights on disk; that of the files of the model by default.
    pub stored: Option<Dtype>,
    /// Largest weight file in megabytes, 0 for a file of each tensor; 5000 by default, as in transformers.
    pub max_shard_megabytes: u64,
    /// Whether a model that the folder holds is overwritten; refused by default.
    pub overwrite: bool,
}

impl Default for MergeOptions {
    fn default() -> Self {
        Self {
            stored: None,
            max_shard_megabytes: 5000,
            overwrite: false,
        }
    }
}

/// What came of a merge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MergeSummary {
    /// The folder that was written.
    pub out: PathBuf,
    /// Its files.
    pub files: Vec<String>,
    /// Type of its weights.
    pub stored: Dtype,
    /// Largest difference of a logit over a short text: the merged model, its weights rounded to that type, against the
    /// adapter on its base.
    pub max_logit_difference: f64,
    /// Logits compared.
    pub logits_compared: usize,
}

impl fmt::Display for MergeSummary {
    /// Where the model is, and how far it is from the adapter on its base.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (out, stored) = (self.out.display(), self.stored);
        write!(
            f,
            "merged model in {out}, stored as {stored}; beside the adapter on its base, no logit of a short text is \
             more than {:.2e} off",
            self.max_logit_difference
        )?;
        match stored {
            Dtype::F32 => Ok(()),
            _ => write!(f, " ({stored} rounds the weights; --stored f32 does not)"),
        }
    }
}

impl LanguageModel {
    /// Folds the adapter that is on into the weights and writes the result with its tokenizer.
    ///
    /// The model is taken, so that its weights need not be held twice: a clone that lives on holds them.
    ///
    /// # Errors
    ///
    /// [`LmError::Setting`] for a model without an adapter on, and for a folder that holds a model;
    /// [`LmError::Lora`] for several that cannot be
    /// combined; [`LmError::Model`] and [`LmError::Io`] for what cannot be written.
    pub fn merge(self, out: &Path, options: MergeOptions) -> Result<MergeSummary, LmError> {
        require_folder(out)?;
        let stored = options.stored.unwrap_or_else(|| self.files_dtype());
        let text = Arc::clone(self.text());
        let (decoder, adapter) = self.parted()?;
        if let (Some(held), false) = (weight_files(out)?.first(), options.overwrite) {
            let expected = "a folder without a model, or the option overwrite";
            return Err(LmError::setting("out", expected, out.join(held).display()));
        }
        let probe = probe(&text, &decoder.device())?;
        let (merged, unmerged) = merge_checked(decoder, &adapter, probe)?;
        let options = SaveOptions {
            stored: stored.into(),
            max_shard_bytes: options.max_shard_megabytes.saturating_mul(MEGABYTE),
        };
        let before = weight_files(out)?;
        let files = fill_folder(out, (CONFIG, &before), |own| {
            let mut files = save(&merged, own, options)?;
            files.extend(text.save(own)?);
            Ok::<_, LmError>(files)
        })?;
        let report = unmerged.against(merged, FloatDType::from(stored).into());
        Ok(MergeSummary {
            out: out.to_owned(),
            files,
            stored,
            max_logit_difference: report.max_logit_difference.into(),
            logits_compared: report.compared,
        })
    }

    /// The decoder with the adapter that is on folded in, where there is one, with no other handle on the weights left.
    #[cfg(feature = "gguf")]
    pub(crate) fn merged(self) -> Result<Decoder, LmError> {
        if matches!(self.adapters, Adapters::None) {
            return Ok(self.decoder);
        }
        let (decoder, adapter) = self.parted()?;
        Ok(idiolect_lora::merge(decoder, &adapter)?)
    }

    /// The decoder to merge into and the adapter, with no other handle on the weights left.
    fn parted(self) -> Result<(Decoder, LoraAdapter), LmError> {
        match self.adapters {
            Adapters::None => {
                let expected = "an adapter to merge";
                Err(LmError::setting("adapter", expected, "none on the model"))
            }
            Adapters::One(one) => {
                let one = Arc::unwrap_or_clone(one);
                Ok((one.decoder, one.adapter))
            }
            Adapters::Several(several) => Ok((self.decoder, combine(&several.stack.parts)?)),
        }
    }
}

fn probe(text: &Text, device: &Device) -> Result<Tensor<2, Int>, LmError> {
    let ids = text.tokenizer.encode_text(PROBE)?;
    let ids: Vec<i64> = ids.into_iter().map(i64::from).collect();
    let shape = [1, ids.len()];
    Ok(Tensor::from_data(TensorData::new(ids, shape), device))
}
