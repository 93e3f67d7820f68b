//! PEFT adapter folders, in and out: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! PEFT stores the factors as `PyTorch`'s linear layers do, `lora_A` as `[rank, in]` and `lora_B` as
//! `[out, rank]`; both are the transpose of ours.
//! Options that would change the arithmetic and are not supported are refused by name, never ignored.

mod modules;
mod options;
mod tensors;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use idiolect_input::open_regular;
use idiolect_model::{Decoder, ModelConfig, Site, transposed};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::adapter::weight;
use crate::error::wrong;
use crate::factors::Values;
use crate::init::principal;
use crate::places::{Place, places};
use crate::whole::Chosen;
use crate::{Factors, Init, LoraAdapter, LoraError};

use options::CONFIG;
pub use options::read_adapter_config;
use tensors::{PREFIX, Reader, Stored, bytes, in_file};

const WEIGHTS: &str = "adapter_model.safetensors";
/// What a site can have in the file; only `DoRA` has the last.
const PARTS: [&str; 3] = ["lora_A.weight", "lora_B.weight", "lora_magnitude_vector"];

/// Reads an adapter for a decoder.
///
/// Give `device.autodiff()` for an adapter that will be trained on, and see [`LoraAdapter::frozen`] for
/// one that will not. Modules that were trained whole, and a resized embedding and head, come with it; those
/// that `modules_to_save` does not name do not train. An adapter that PEFT left on the residual of `pissa`
/// is put on the weight itself by decomposing that again.
///
/// # Errors
///
/// [`LoraError::Io`], [`LoraError::Json`] and [`LoraError::Weights`] for unreadable files;
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
/// with it. The weights of the model are not needed, except for `DoRA` and for the residual of `pissa`.
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
    let config = read_adapter_config(folder)?;
    let path = folder.join(WEIGHTS);
    let mut bytes = Vec::new();
    let read = open_regular(&path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(|source| LoraError::Io {
        path: path.clone(),
        source,
    })?;
    let file = SafeTensors::deserialize(&bytes).map_err(|source| LoraError::Weights {
        path: path.clone(),
        source,
    })?;
    let reader = Reader {
        path,
        file,
        model,
        decoder,
        config: &config,
    };
    let places = places(&config, model)?;
    let chosen = Chosen::new(&config, model)?;
    reader.check_names(&places, &chosen)?;
    let factors = places.iter().map(|place| reader.factors(place, device));
    Ok(LoraAdapter {
        factors: factors.collect::<Result<_, _>>()?,
        whole: modules::read(&reader, chosen, device)?,
        sites: places.iter().map(|place| place.site).collect(),
        config,
        wrapper: model.wrapper,
    })
}

impl Reader<'_> {
    /// Every tensor of the file must be a part of a site or of a module of the configuration.
    fn check_names(&self, places: &[Place], chosen: &Chosen) -> Result<(), LoraError> {
        let parts = |place: &Place| PARTS.map(|part| tensor_name(place.site, part));
        let mut known: BTreeSet<String> = places.iter().flat_map(parts).collect();
        known.extend(modules::names(chosen));
        let known: BTreeSet<String> = known.iter().map(|name| self.in_file(name)).collect();
        let mut names = self.file.names();
        names.sort_unstable();
        match names.iter().find(|name| !known.contains(**name)) {
            Some(name) => {
                let expected =
                    "a part of what target_modules and modules_to_save name in the model";
                Err(self.wrong(name, expected, "another name"))
            }
            None => Ok(()),
        }
    }

    fn factors(&self, place: &Place, device: &Device) -> Result<Factors, LoraError> {
        let (site, rank) = (place.site, place.rank);
        let [input, output] = self.model.projection_shape(site.projection);
        let [a, b, magnitude] = PARTS.map(|part| tensor_name(site, part));
        let a = transposed(&self.values(&a, &[rank, input])?, input);
        let b = transposed(&self.values(&b, &[output, rank])?, rank);
        let values = Values {
            a,
            b,
            input,
            rank,
            output,
        };
        let [a, b] = values.tensors(device);
        let mut factors = Factors::new(a, b, place.scale);
        if self.config.init == Init::Pissa {
            let origin = principal(&self.weight(site)?, place)?;
            let plain = device.clone().without_autodiff();
            factors.frozen.origin = Some(origin.tensors(&plain));
        }
        if !self.config.dora {
            return Ok(factors);
        }
        let lengths = self.values(&magnitude, &[output])?;
        Ok(factors.with_magnitude(self.weight(site)?, Some(lengths)))
    }

    /// The model's weight at a site.
    fn weight(&self, site: Site) -> Result<Tensor<2>, LoraError> {
        let kind = if self.config.dora { "DoRA" } else { "pissa" };
        match self.decoder {
            Some(decoder) => Ok(weight(decoder, site)),
            None => Err(wrong(
                "adapter",
                format!("the model's weights for {kind}"),
                "none",
            )),
        }
    }
}

fn tensor_name(site: Site, part: &str) -> String {
    format!("{PREFIX}{site}.{part}")
}

/// Writes an adapter in f32 with PEFT's names; `base` is what PEFT records as the base model.
///
/// One that started with [`Init::Pissa`] becomes a plain adapter of twice the rank, with the start as its
/// second half: it then fits the unchanged model, as after PEFT's own conversion.
///
/// Both files are written beside their place and renamed; the folder is made when absent.
///
/// # Errors
///
/// [`LoraError::Io`] names the file that could not be written.
pub fn save_adapter(adapter: &LoraAdapter, folder: &Path, base: &str) -> Result<(), LoraError> {
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| LoraError::Io { path, source }
    };
    std::fs::create_dir_all(folder).map_err(io(folder))?;
    let tensors = stored(adapter);
    let views = tensors.iter().filter_map(|(name, (shape, bytes))| {
        Some((
            name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).ok()?,
        ))
    });
    let metadata = Some(HashMap::from([("format".to_string(), "pt".to_string())]));
    let path = folder.join(WEIGHTS);
    let bytes = safetensors::serialize(views, metadata).map_err(|source| LoraError::Weights {
        path: path.clone(),
        source,
    })?;
    let config = format!(
        "{:#}\n",
        options::to_json(&adapter.config, base, adapter.wrapper)
    );
    let files = [(path, bytes), (folder.join(CONFIG), config.into_bytes())];
    for (path, bytes) in &files {
        let beside = path.with_extension("partial");
        std::fs::write(&beside, bytes).map_err(io(&beside))?;
    }
    // An earlier configuration goes first and the new one comes last: without one there is no adapter, so that
    // factors never stand under the scale of others.
    let earlier = folder.join(CONFIG);
    if earlier.exists() {
        std::fs::remove_file(&earlier).map_err(io(&earlier))?;
    }
    for (path, _) in files {
        std::fs::rename(path.with_extension("partial"), &path).map_err(io(&path))?;
    }
    Ok(())
}

/// Every part under its PEFT name.
fn stored(adapter: &LoraAdapter) -> BTreeMap<String, Stored> {
    let matrix = |tensor: Tensor<2>| {
        let [rows, columns] = tensor.dims();
        let values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
        (vec![columns, rows], bytes(&transposed(&values, columns)))
    };
    let mut parts = BTreeMap::new();
    for (site, factors) in adapter.sites.iter().zip(&adapter.factors) {
        let names = PARTS.map(|part| tensor_name(*site, part));
        let [a, b] = factors.joined().map(matrix);
        let magnitude = factors.magnitude.as_ref().map(|magnitude| {
            let values: Vec<f32> = magnitude.val().into_data().iter::<f32>().collect();
            (vec![values.len()], bytes(&values))
        });
        let values = [Some(a), Some(b), magnitude];
        let named = names.into_iter().zip(values);
        parts.extend(named.filter_map(|(name, value)| Some((name, value?))));
    }
    parts.extend(modules::stored(&adapter.whole));
    let named = parts.into_iter();
    named
        .map(|(name, part)| (in_file(&name, adapter.wrapper), part))
        .collect()
}
