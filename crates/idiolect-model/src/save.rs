//! Decoder to Hugging Face folder: `config.json`, `generation_config.json` and safetensors shards.
//!
//! Tensors are fetched from the device as they are written, so that no second copy of the model exists.
//! Tokenizer files are not written: this crate knows no text.

mod beside;
mod fit;
mod held;
mod lazy;
mod stored;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

use safetensors::{SafeTensorError, View};
use serde_json::{Value, json};

use beside::Beside;
use fit::require_f16;
pub use held::weight_files;
use held::{INDEX, remove, shard_name};
#[cfg(feature = "gguf")]
pub(crate) use lazy::plain_tensors;
use lazy::{Lazy, stored_tensors};
pub use stored::StoredType;

use crate::config::{ConfigFiles, config_files};
use crate::{Decoder, ModelError};

/// How a folder is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaveOptions {
    /// Type of the weights on disk.
    pub stored: StoredType,
    /// Largest shard in bytes; a tensor that is larger gets a shard of its own. transformers' default is
    /// 5,000,000,000.
    pub max_shard_bytes: u64,
}

/// Writes `decoder` as a Hugging Face folder and returns the names of the files.
///
/// What a wrapper has beside the decoder, as a vision tower, is copied from the checkpoint that was read.
/// Files are written under another name and renamed when whole; the folder is made when absent. Weight files that it
/// held before are gone afterwards: their index would win over the new file.
///
/// # Errors
///
/// [`ModelError::Io`] names the file that could not be written; [`ModelError::Corrupt`] a value that f16 on disk
/// would make infinite.
pub fn save(
    decoder: &Decoder,
    folder: &Path,
    options: SaveOptions,
) -> Result<Vec<String>, ModelError> {
    std::fs::create_dir_all(folder).map_err(|source| ModelError::io(folder, source))?;
    let before = weight_files(folder)?;
    if before.iter().any(|name| name == INDEX) {
        remove(folder, INDEX)?;
    }
    let beside = Beside::open(&decoder.config)?;
    let mut tensors = stored_tensors(decoder, options.stored);
    if options.stored == StoredType::F16 {
        let values = |(name, lazy): &(String, Lazy)| (name.clone(), lazy.values());
        require_f16(tensors.iter().map(values), folder)?;
    }
    tensors.extend(beside.tensors()?);
    let shards = shards(tensors, options.max_shard_bytes);
    let total = shards.len();
    let (mut files, mut map, mut bytes) = (Vec::new(), BTreeMap::new(), 0);
    for (number, shard) in shards.into_iter().enumerate() {
        let name = shard_name(number, total);
        bytes += shard
            .iter()
            .map(|(_, tensor)| tensor.data_len())
            .sum::<usize>();
        map.extend(
            shard
                .iter()
                .map(|(tensor, _)| (tensor.clone(), name.clone())),
        );
        write_shard(&folder.join(&name), shard)?;
        files.push(name);
    }
    if total > 1 {
        let index = json!({"metadata": {"total_size": bytes}, "weight_map": map});
        files.push(write_json(folder, INDEX, &index)?);
    }
    for old in before
        .iter()
        .filter(|name| *name != INDEX && !files.contains(name))
    {
        remove(folder, old)?;
    }
    let ConfigFiles { config, generation } = config_files(&decoder.config, options.stored.name());
    files.push(write_json(folder, "config.json", &config)?);
    files.push(write_json(folder, "generation_config.json", &generation)?);
    files.extend(beside.copy_files(folder)?);
    Ok(files)
}

/// Fills shards in order; a shard is closed when the next tensor would not fit.
fn shards(tensors: Vec<(String, Lazy)>, most: u64) -> Vec<Vec<(String, Lazy)>> {
    let mut shards: Vec<Vec<(String, Lazy)>> = Vec::new();
    let mut room = 0;
    for (name, tensor) in tensors {
        let size = tensor.data_len() as u64;
        match shards.last_mut() {
            Some(shard) if size <= room => {
                room -= size;
                shard.push((name, tensor));
            }
            _ => {
                room = most.saturating_sub(size);
                shards.push(vec![(name, tensor)]);
            }
        }
    }
    shards
}

fn write_shard(path: &Path, shard: Vec<(String, Lazy)>) -> Result<(), ModelError> {
    let partial = path.with_extension("partial");
    let metadata = Some(HashMap::from([("format".to_string(), "pt".to_string())]));
    let io = |source| ModelError::io(path, source);
    // The library makes a file that nobody else may read; this one is like any other.
    let plain = File::create(&partial).and_then(|file| file.metadata());
    let plain = plain.map_err(io)?.permissions();
    match safetensors::serialize_to_file(shard, metadata, &partial) {
        Ok(()) => std::fs::set_permissions(&partial, plain)
            .and_then(|()| std::fs::rename(&partial, path))
            .map_err(io),
        Err(SafeTensorError::IoError(source)) => Err(io(source)),
        Err(other) => Err(io(std::io::Error::other(other))),
    }
}

fn write_json(folder: &Path, name: &str, value: &Value) -> Result<String, ModelError> {
    let path = folder.join(name);
    let partial = folder.join(format!("{name}.partial"));
    let io = |source| ModelError::io(&path, source);
    std::fs::write(&partial, format!("{value:#}\n")).map_err(io)?;
    std::fs::rename(&partial, &path).map_err(io)?;
    Ok(name.into())
}
