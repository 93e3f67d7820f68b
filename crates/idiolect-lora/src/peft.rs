//! PEFT adapter folders, in and out: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! PEFT stores the factors as `PyTorch`'s linear layers do, `lora_A` as `[rank, in]` and `lora_B` as
//! `[out, rank]`; both are the transpose of ours.
//! Options that would change the arithmetic and are not supported are refused by name, never ignored.

mod files;
mod folding;
mod modules;
mod options;
mod rows;
mod save;
mod tensors;
mod words;
mod written;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use idiolect_input::open_regular;
use idiolect_model::{Decoder, ModelConfig, Site};
use safetensors::SafeTensors;

use crate::adapter::weight;
use crate::error::wrong;
use crate::factors::Values;
use crate::init::of_weight;
use crate::paths::{EMBEDDING, HEAD};
use crate::places::{Place, Places};
use crate::whole::Chosen;
use crate::{Factors, LoraAdapter, LoraConfig, LoraError};

use files::{PICKLE, WEIGHTS};
use folding::Changes;
pub use options::read_adapter_config;
use options::{FolderConfig, read_folder};
use rows::{ROWS, Tokens};
pub use save::save_adapter;
use tensors::{BIAS, EMBEDDING_FACTORS, MAGNITUDE, PARTS, Reader, plain_names, site_name};
use words::BENEATH;
pub use written::BaseModel;

/// Reads an adapter for a decoder.
///
/// Give `device.autodiff()` for an adapter that will be trained on, and see [`LoraAdapter::frozen`] for
/// one that will not. Modules that were trained whole, and a resized embedding and head, come with it; those
/// that `modules_to_save` does not name do not train. An adapter that PEFT left on the residual of `pissa` or
/// `olora` is put on the weight itself by decomposing that again. Factors of embedding and head, and rows of some
/// tokens, become whole matrices: [`LoraAdapter::folded`] names them.
///
/// # Errors
///
/// [`LoraError::Io`], [`LoraError::Json`] and [`LoraError::Weights`] for unreadable files;
/// [`LoraError::Pickle`] for weights that are there as a pickle alone;
/// [`LoraError::Setting`] for an option that is not supported; [`LoraError::Tensor`] when a factor is
/// missing, of the wrong shape or type, or belongs to a site that the configuration does not choose.
pub fn load_adapter(
    folder: &Path,
    decoder: &Decoder,
    device: &Device,
) -> Result<LoraAdapter, LoraError> {
    read(folder, (&decoder.config, Some(decoder)), device)
}

/// Reads an adapter by the configuration of its model alone, to be written in another form: nothing can be computed
/// with it. The weights of the model are not needed, except for `DoRA` and for the residual of `pissa` and `olora`.
///
/// # Errors
///
/// As [`load_adapter`]; [`LoraError::Setting`] for an adapter that needs the model's weights.
pub fn load_without_model(
    folder: &Path,
    model: &ModelConfig,
    device: &Device,
) -> Result<LoraAdapter, LoraError> {
    read(folder, (model, None), device)
}

fn read(
    folder: &Path,
    (model, decoder): (&ModelConfig, Option<&Decoder>),
    device: &Device,
) -> Result<LoraAdapter, LoraError> {
    let FolderConfig {
        lora: config,
        rows,
        base,
    } = read_folder(folder)?;
    let path = folder.join(WEIGHTS);
    let bytes = weights(&path)?;
    let mut reader = reader(path, &bytes, (model, decoder), &config)?;
    reader.base = base;
    let places = Places::new(&config, model)?;
    let chosen = Chosen::new(&config, model)?;
    let tokens = Tokens::new(&rows, model, config.ensure_weight_tying)?;
    reader.check_names(&places, &chosen, &tokens)?;
    let changes = Changes {
        places: &places,
        tokens: &tokens,
    };
    let mut words = words::read(&reader, &chosen, &changes, device)?;
    let folded = std::mem::take(&mut words.folded);
    let factors = places
        .sites
        .iter()
        .map(|place| reader.factors(place, device));
    Ok(LoraAdapter {
        factors: factors.collect::<Result<_, _>>()?,
        whole: modules::read(&reader, chosen, words, device)?,
        sites: places.sites.iter().map(|place| place.site).collect(),
        config,
        folded,
        wrapper: model.wrapper,
    })
}

/// The bytes of the weight file.
fn weights(path: &Path) -> Result<Vec<u8>, LoraError> {
    let pickle = path.with_file_name(PICKLE);
    if !path.exists() && pickle.exists() {
        return Err(LoraError::Pickle { path: pickle });
    }
    let mut bytes = Vec::new();
    let read = open_regular(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(|source| LoraError::Io {
        path: path.into(),
        source,
    })?;
    Ok(bytes)
}

fn reader<'a>(
    path: PathBuf,
    bytes: &'a [u8],
    (model, decoder): (&'a ModelConfig, Option<&'a Decoder>),
    config: &'a LoraConfig,
) -> Result<Reader<'a>, LoraError> {
    let file = SafeTensors::deserialize(bytes).map_err(|source| LoraError::Weights {
        path: path.clone(),
        source,
    })?;
    let names = plain_names(&file).map_err(|[tensor, other]| LoraError::Tensor {
        path: path.clone(),
        tensor,
        expected: "one name for each tensor".into(),
        found: format!("{other} beside it"),
    })?;
    Ok(Reader {
        path,
        file,
        names,
        model,
        decoder,
        config,
        base: None,
    })
}

impl Reader<'_> {
    /// Every tensor of the file must be a part of a site or of a module of the configuration.
    fn check_names(
        &self,
        places: &Places,
        chosen: &Chosen,
        tokens: &Tokens,
    ) -> Result<(), LoraError> {
        let parts = |place: &Place| PARTS.map(|part| site_name(place.site, part));
        let mut known: BTreeSet<String> = places.sites.iter().flat_map(parts).collect();
        known.extend(modules::names(chosen));
        let mut add = |path: &str, parts: &[&str]| {
            known.extend(parts.iter().map(|part| Self::name(path, part)));
        };
        if places.embedding.is_some() {
            add(EMBEDDING, &EMBEDDING_FACTORS);
        }
        if places.embedding.is_some() || places.head.is_some() {
            // A head that is the embedding has its factors in the file a second time.
            for path in [EMBEDDING, HEAD] {
                add(path, &[&BENEATH[..], &PARTS[..3]].concat());
            }
        }
        if !tokens.is_empty() {
            for path in [EMBEDDING, HEAD] {
                add(path, &[&BENEATH[..], &[ROWS]].concat());
            }
        }
        let known: BTreeSet<String> = known.iter().map(|name| self.in_file(name)).collect();
        match self.names.iter().find(|(name, _)| !known.contains(*name)) {
            Some((_, name)) => {
                let expected =
                    "a part of what target_modules and modules_to_save name in the model";
                Err(self.wrong(name, expected, "another name"))
            }
            None => Ok(()),
        }
    }

    fn factors(&self, place: &Place, device: &Device) -> Result<Factors, LoraError> {
        let (site, size) = (place.site, place.size);
        let [input, output] = self.model.projection_shape(site.projection);
        let [a, b] = self.pair(&site.to_string(), size.rank, [input, output])?;
        let values = Values {
            a,
            b,
            input,
            rank: size.rank,
            output,
        };
        let [a, b] = values.tensors(device);
        let mut factors = Factors::new(a, b, size.scale);
        if self.config.init.is_of_weight() {
            let weight = self.weight(site)?;
            let origin = of_weight(self.config.init, &weight, size, &site)?;
            let plain = device.clone().without_autodiff();
            factors.frozen.origin = Some(origin.tensors(&plain));
        }
        if self.config.lora_bias {
            let bias = self.values(&site_name(site, BIAS), &[output])?;
            factors = factors.with_bias(bias, device);
        }
        if !self.config.dora {
            return Ok(factors);
        }
        let lengths = self.values(&site_name(site, MAGNITUDE), &[output])?;
        Ok(factors.with_magnitude(self.weight(site)?, Some(lengths)))
    }

    /// The model's weight at a site.
    fn weight(&self, site: Site) -> Result<Tensor<2>, LoraError> {
        let init = format!("{:?}", self.config.init).to_lowercase();
        let kind = if self.config.dora { "DoRA" } else { &init };
        let missing = || {
            let expected = format!("the model's weights for {kind}");
            wrong("adapter", expected, "none")
        };
        Ok(weight(self.decoder.ok_or_else(missing)?, site))
    }
}
