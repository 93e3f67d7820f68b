//! The weights by themselves: taken out to be trained, put back, read anew on another device, saved as files.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use idiolect_data::{content_hash, text_hash};
use idiolect_kernels::{block_type, dequantize};
use idiolect_model::gguf::parts_of;
use idiolect_model::{Decoder, LoadReport, Weights};
use sha2::{Digest, Sha256};

use super::{LanguageModel, Source};
use crate::adapters::Adapters;
use crate::{LmError, ModelSettings, device};

impl LanguageModel {
    /// The weights of the base model, which keeps none: held here and there, they would take twice their
    /// memory from the first step of full fine-tuning on. Adapters are taken off; configuration, device and
    /// type stay, so that [`LanguageModel::with_weights`] makes a model of them again. Matrices that were kept in the
    /// blocks of a GGUF file are widened.
    ///
    /// Until then nothing can be computed with this model. Its clones keep the weights, and their memory.
    #[must_use]
    pub fn take_weights(&mut self) -> Weights {
        let held = &mut self.decoder.weights;
        let norm = held.norm.val().zeros_like();
        let none = Weights {
            embedding: Param::from_tensor(norm.clone().reshape([1, -1])),
            blocks: Vec::new(),
            norm: Param::from_tensor(norm),
            head: None,
        };
        self.adapters = Adapters::None;
        let mut weights = std::mem::replace(held, none);
        let projections = weights
            .blocks
            .iter_mut()
            .flat_map(|block| &mut block.projections);
        for weight in projections
            .chain([&mut weights.embedding])
            .chain(&mut weights.head)
        {
            if block_type(&weight.val()).is_some() {
                *weight = Param::initialized(weight.id, dequantize(weight.val()));
            }
        }
        weights
    }

    /// The same model with other weights of the same shapes, and no adapter on.
    #[must_use]
    pub fn with_weights(&self, weights: Weights) -> Self {
        let source = Source {
            name: self.source.name.clone(),
            revision: self.source.revision.clone(),
            path: self.source.path.clone(),
            dtype: self.source.dtype,
            bits: None,
            as_stored: false,
            report: LoadReport::default(),
            files: self.source.files,
            trained: true,
            hash: OnceLock::new(),
        };
        let settings = ModelSettings {
            quantize: None,
            ..self.settings.clone()
        };
        Self {
            source: Arc::new(source),
            settings,
            decoder: Decoder::new(self.decoder.config.clone(), weights),
            adapters: Adapters::None,
            ..self.clone()
        }
    }

    /// The same model, with its words and without adapters, on another device; on its own device it is not
    /// held twice.
    ///
    /// It is read anew and not moved: quantised weights are laid out as their own device needs them.
    ///
    /// # Errors
    ///
    /// [`LmError::Setting`] for a device that is unknown, was not compiled in or that this machine lacks, and
    /// for weights that were trained and are in no file; [`LmError::Model`] for files that cannot be read.
    pub fn on_device(&self, name: &str) -> Result<Self, LmError> {
        device::check_elsewhere(name, self.settings.quantize)?;
        let device = device::device(name)?;
        let base = self.without_adapter();
        if device == self.device() {
            return Ok(base);
        }
        if self.source.trained {
            let expected = "the device of weights that are in no file";
            return Err(LmError::setting("device", expected, name));
        }
        let ids: Vec<u32> = self.words.iter().map(|(id, _)| *id).collect();
        let (decoder, _) = self.source.weights(&device)?;
        let decoder = if ids.is_empty() {
            decoder
        } else {
            decoder.with_tokens(&ids)
        };
        let settings = ModelSettings {
            device: name.into(),
            ..self.settings.clone()
        };
        Ok(Self {
            settings,
            decoder,
            ..base
        })
    }

    /// Writes tokenizer, special tokens, chat template, and the template in use into a folder, which must
    /// exist; returns the names of the files.
    ///
    /// # Errors
    ///
    /// [`LmError::Io`] when a file cannot be written.
    pub fn save_text_files(&self, folder: &Path) -> Result<Vec<String>, LmError> {
        self.text().save(folder)
    }

    /// Tells this tokenizer and template from others; rows that were encoded under the same fingerprint are
    /// the same.
    ///
    /// # Errors
    ///
    /// [`LmError::Tokens`] when the tokenizer cannot be written.
    pub fn text_fingerprint(&self) -> Result<String, LmError> {
        self.text().fingerprint()
    }

    /// Tells vocabularies apart: a hash of every token with its id. Models of one family share it, whatever their size.
    #[must_use]
    pub fn vocabulary_hash(&self) -> String {
        let tokenizer = self.tokenizer();
        let ids = (0..tokenizer.vocab_size()).filter_map(|id| u32::try_from(id).ok());
        let tokens = ids.filter_map(|id| Some((id, tokenizer.token(id)?)));
        let lines = tokens.map(|(id, token)| format!("{id} {} {token}\n", token.len()));
        text_hash(&lines.collect::<String>())
    }

    /// Hash of the base model: of its files, or of its weights where they were trained since. It is made once
    /// and then known to every clone; reading a large model takes seconds.
    ///
    /// # Errors
    ///
    /// [`LmError::Data`] names the file that cannot be read.
    pub fn model_hash(&self) -> Result<String, LmError> {
        let hash = self.weights_hash()?;
        if self.words.is_empty() {
            return Ok(hash);
        }
        Ok(text_hash(&format!("{hash} {:?}", self.words)))
    }

    fn weights_hash(&self) -> Result<String, LmError> {
        if let Some(hash) = self.source.hash.get() {
            return Ok(hash.clone());
        }
        let found = if self.source.trained {
            of_weights(&self.decoder.weights)
        } else {
            of_files(&self.source.path)?
        };
        Ok(self.source.hash.get_or_init(|| found).clone())
    }
}

/// Hash of a model's files: of a GGUF file in parts, of all of them.
fn of_files(path: &Path) -> Result<String, LmError> {
    if path.is_dir() {
        return Ok(content_hash(path)?);
    }
    let parts = parts_of(path)?;
    let mut hashes = Vec::with_capacity(parts.len());
    for part in &parts {
        hashes.push(content_hash(part)?);
    }
    Ok(match hashes.as_slice() {
        [one] => one.clone(),
        all => text_hash(&all.join(" ")),
    })
}

fn of_weights(weights: &Weights) -> String {
    let mut values = Values(Sha256::new());
    weights.visit(&mut values);
    text_hash(&format!("{:?}", values.0.finalize()))
}

/// Digests every tensor of a module, in the order of its fields.
struct Values(Sha256);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = dequantize(param.val()).into_data();
        self.0.update(format!("{:?}", data.shape()));
        for value in data.iter::<f32>() {
            self.0.update(value.to_le_bytes());
        }
    }
}
