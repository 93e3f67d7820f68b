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
mod tensors;
mod words;
mod written;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};

use burn::module::Param;
use burn::tensor::{Device, Tensor};
use idiolect_input::open_regular;
use idiolect_model::{Decoder, Site, transposed};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::adapter::weight;
use crate::factors::Values;
use crate::init::of_weight;
use crate::paths::{EMBEDDING, HEAD};
use crate::places::{Place, Places};
use crate::whole::Chosen;
use crate::{Factors, LoraAdapter, LoraConfig, LoraError};

use files::{CONFIG, PICKLE, WEIGHTS};
use folding::Changes;
pub use options::read_adapter_config;
use options::{FolderConfig, read_folder};
use rows::{ROWS, Tokens};
use tensors::{
    BIAS, EMBEDDING_FACTORS, FACTORS, MAGNITUDE, Reader, Stored, bytes, in_file, plain_names,
};
use words::BENEATH;
pub use written::BaseModel;

/// What a site can have in the file.
const PARTS: [&str; 4] = [FACTORS[0], FACTORS[1], MAGNITUDE, BIAS];

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
    let FolderConfig { lora: config, rows } = read_folder(folder)?;
    let path = folder.join(WEIGHTS);
    let bytes = weights(&path)?;
    let reader = reader(path, &bytes, decoder, &config)?;
    let places = Places::new(&config, &decoder.config)?;
    let chosen = Chosen::new(&config, &decoder.config)?;
    let tokens = Tokens::new(&rows, &decoder.config, config.ensure_weight_tying)?;
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
        wrapper: decoder.config.wrapper,
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
    decoder: &'a Decoder,
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
        decoder,
        config,
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
        let parts = |place: &Place| PARTS.map(|part| tensor_name(place.site, part));
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
        let [input, output] = self.decoder.config.projection_shape(site.projection);
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
            let weight = weight(self.decoder, site);
            let origin = of_weight(self.config.init, &weight, size, &site)?;
            let plain = device.clone().without_autodiff();
            factors.frozen.origin = Some(origin.tensors(&plain));
        }
        if self.config.lora_bias {
            let bias = self.values(&tensor_name(site, BIAS), &[output])?;
            factors = factors.with_bias(bias, device);
        }
        if !self.config.dora {
            return Ok(factors);
        }
        let lengths = self.values(&tensor_name(site, MAGNITUDE), &[output])?;
        Ok(factors.with_magnitude(weight(self.decoder, site), Some(lengths)))
    }
}

fn tensor_name(site: Site, part: &str) -> String {
    Reader::name(&site.to_string(), part)
}

/// Writes an adapter in f32 with PEFT's names; `base` is what PEFT records as the base model: a name, or a
/// [`BaseModel`] with its revision.
///
/// One that started with [`crate::Init::Pissa`] or `Olora` becomes a plain adapter of twice the rank, with the start as its
/// second half: it then fits the unchanged model, as after PEFT's own conversion.
///
/// Both files are written beside their place and renamed; the folder is made when absent.
///
/// # Errors
///
/// [`LoraError::Io`] names the file that could not be written; [`LoraError::Setting`] for an adapter with
/// [`LoraAdapter::folded`] modules.
pub fn save_adapter<'a>(
    adapter: &LoraAdapter,
    folder: &Path,
    base: impl Into<BaseModel<'a>>,
) -> Result<(), LoraError> {
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| LoraError::Io { path, source }
    };
    adapter.refuse_folded()?;
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
        written::to_json(&adapter.config, base.into(), adapter.wrapper)
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
        let vector = |vector: &Param<Tensor<1>>| {
            let values: Vec<f32> = vector.val().into_data().iter::<f32>().collect();
            (vec![values.len()], bytes(&values))
        };
        let magnitude = factors.magnitude.as_ref().map(vector);
        let bias = factors.bias.as_ref().map(vector);
        let values = [Some(a), Some(b), magnitude, bias];
        let named = names.into_iter().zip(values);
        parts.extend(named.filter_map(|(name, value)| Some((name, value?))));
    }
    parts.extend(modules::stored(&adapter.whole));
    let named = parts.into_iter();
    named
        .map(|(name, part)| (in_file(&name, adapter.wrapper), part))
        .collect()
}
