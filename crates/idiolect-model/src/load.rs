//! Checkpoint to decoder, one tensor at a time, with a report of what was loaded, cast and not used.

mod complete;
mod loader;
mod place;
mod placement;
mod report;

pub use report::{Cast, LoadReport};

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, FloatDType};

use self::complete::require_all;
use self::loader::Loader;
use self::place::{is_gguf, open_gguf, require_model};
use self::placement::{Matrices, Placement};
use crate::config::{PARAMS, native_config};
use crate::decoder::Decoder;
use crate::source::{Folder, NativeFolder, Source};
use crate::{Bits, ModelConfig, ModelError, StoredType};

/// Reads a Hugging Face folder, one in Mistral's own form (`params.json`, `consolidated.safetensors`), or a `.gguf`
/// file.
///
/// Weights are kept in memory and computed with in `dtype`. At most one tensor is in memory twice at any time.
///
/// # Errors
///
/// Every [`ModelError`]: the file, the setting or the tensor that is missing, malformed or misshapen. All
/// missing tensors are named together.
pub fn load(
    path: &Path,
    device: &Device,
    dtype: FloatDType,
) -> Result<(Decoder, LoadReport), ModelError> {
    read(path, Placement::new(device, dtype, Matrices::Plain))
}

/// Reads as [`load`] does, and leaves the matrices of a GGUF file (projections, embedding, head) in its blocks where they
/// have four to eight bits and the device reads such: the CPU. Values are those of [`load`] in f32, to the bit; the other
/// weights are in `dtype`.
///
/// # Errors
///
/// As for [`load`].
pub fn load_as_stored(
    path: &Path,
    device: &Device,
    dtype: FloatDType,
) -> Result<(Decoder, LoadReport), ModelError> {
    read(path, Placement::new(device, dtype, Matrices::AsStored))
}

/// Reads as [`load`] does, and quantises every projection of a block to `bits` as soon as it is read.
///
/// # Errors
///
/// As for [`load`].
pub fn load_quantized(
    path: &Path,
    device: &Device,
    dtype: FloatDType,
    bits: Bits,
) -> Result<(Decoder, LoadReport), ModelError> {
    read(
        path,
        Placement::new(device, dtype, Matrices::Quantized(bits)),
    )
}

fn read(path: &Path, placement: Placement<'_>) -> Result<(Decoder, LoadReport), ModelError> {
    let Checkpoint {
        mut config,
        mut source,
    } = open(path)?;
    settle_head(&mut config, source.as_mut())?;
    require_all(path, &config, &source.names())?;
    let mut loader = Loader::new(&config, source.as_mut(), placement);
    let weights = loader.weights()?;
    let report = loader.finish();
    Ok((Decoder::new(config, weights), report))
}

/// A head that is said to be the embedding and stands in the file with other values is a head of its own, as in
/// transformers 5.
fn settle_head(config: &mut ModelConfig, source: &mut dyn Source) -> Result<(), ModelError> {
    const HEAD: &str = "lm_head.weight";
    const EMBEDDING: &str = "model.embed_tokens.weight";
    let names = source.names();
    let has = |name: &str| {
        names
            .binary_search_by(|other| other.as_str().cmp(name))
            .is_ok()
    };
    if config.tied && has(HEAD) && has(EMBEDDING) {
        let head = source.read(HEAD)?;
        config.tied = head.values == source.read(EMBEDDING)?.values;
    }
    Ok(())
}

/// Reads only the configuration of a Hugging Face folder or a `.gguf` file.
///
/// # Errors
///
/// As for [`load`], without those about tensors.
pub fn read_config(path: &Path) -> Result<ModelConfig, ModelError> {
    if is_gguf(path) {
        let file = open_gguf(path)?;
        ModelConfig::from_json(&file.config()?, path)
    } else {
        require_model(path)?;
        if is_native(path) {
            return read_native(path);
        }
        ModelConfig::read(path)
    }
}

/// The type that most projections of a checkpoint have on disk, read from headers alone; none where that is a quantised
/// one.
///
/// # Errors
///
/// As for [`load`], without those about the values of tensors.
pub fn stored_type(path: &Path) -> Result<Option<StoredType>, ModelError> {
    let source = open(path)?.source;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let names = source.names();
    let projections = names.iter().filter(|name| name.ends_with("_proj.weight"));
    for stored in projections.filter_map(|name| source.stored(name)) {
        *counts.entry(stored).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    Ok(most.and_then(|(name, _)| StoredType::of(&name)))
}

/// A checkpoint whose tensors are not read yet.
struct Checkpoint {
    config: ModelConfig,
    source: Box<dyn Source>,
}

fn open(path: &Path) -> Result<Checkpoint, ModelError> {
    if is_gguf(path) {
        let file = open_gguf(path)?;
        return Ok(Checkpoint {
            config: ModelConfig::from_json(&file.config()?, path)?,
            source: Box::new(file),
        });
    }
    require_model(path)?;
    if is_native(path) {
        let config = read_native(path)?;
        let source = NativeFolder::open(path, config.head_dim)?;
        return Ok(Checkpoint {
            config,
            source: Box::new(source),
        });
    }
    let config = ModelConfig::read(path)?;
    let source = Folder::open(path, config.wrapper)?;
    Ok(Checkpoint {
        config,
        source: Box::new(source),
    })
}

/// Whether a folder is in Mistral's own form: `params.json` and `consolidated.safetensors`. One that is in both
/// forms is read as Hugging Face's.
fn is_native(path: &Path) -> bool {
    let has = |name: &str| path.join(name).exists();
    let hugging_face = ["model.safetensors", "model.safetensors.index.json"];
    let both = has("config.json")
        && (hugging_face.into_iter().any(has) || !has("consolidated.safetensors"));
    has(PARAMS) && !both
}

fn read_native(path: &Path) -> Result<ModelConfig, ModelError> {
    let params = path.join(PARAMS);
    ModelConfig::from_json(&native_config(&params)?, &params)
}
