//! Checkpoint to decoder, one tensor at a time, with a report of what was loaded, cast and not used.

mod loader;
mod report;

pub use report::{Cast, LoadReport};

use std::path::Path;

use burn::tensor::{Device, FloatDType};

use self::loader::{Loader, Placement};
use crate::decoder::Decoder;
use crate::gguf::GgufFile;
use crate::source::{Folder, Source};
use crate::{Bits, ModelConfig, ModelError};

/// Reads a Hugging Face folder or a `.gguf` file.
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
    let placement = Placement {
        device,
        dtype,
        bits: None,
    };
    read(path, placement)
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
    let placement = Placement {
        device,
        dtype,
        bits: Some(bits),
    };
    read(path, placement)
}

fn read(path: &Path, placement: Placement<'_>) -> Result<(Decoder, LoadReport), ModelError> {
    let Checkpoint {
        mut config,
        mut source,
    } = open(path)?;
    settle_head(&mut config, source.as_mut())?;
    let mut loader = Loader::new(&config, source.as_mut(), placement);
    loader.require_all(path)?;
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
        let file = GgufFile::open(path)?;
        ModelConfig::from_json(&file.config()?, path)
    } else {
        require_folder(path)?;
        ModelConfig::read(path)
    }
}

/// A checkpoint whose tensors are not read yet.
struct Checkpoint {
    config: ModelConfig,
    source: Box<dyn Source>,
}

fn open(path: &Path) -> Result<Checkpoint, ModelError> {
    if is_gguf(path) {
        let file = GgufFile::open(path)?;
        return Ok(Checkpoint {
            config: ModelConfig::from_json(&file.config()?, path)?,
            source: Box::new(file),
        });
    }
    require_folder(path)?;
    let config = ModelConfig::read(path)?;
    let source = Folder::open(path, config.wrapper)?;
    Ok(Checkpoint {
        config,
        source: Box::new(source),
    })
}

fn is_gguf(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gguf"))
}

fn require_folder(path: &Path) -> Result<(), ModelError> {
    std::fs::read_dir(path)
        .map(drop)
        .map_err(|source| ModelError::io(path, source))
}
