//! Who writes and with what, for provenance: two runs with the same hash had the same weights, and a journal
//! of another writer is refused.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use idiolect::{continuation, distill, generate};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::continuing::Generation;
use crate::error::CliError;
use crate::opened::Opened;

/// Everything beside prompt and seed that decides a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Writer {
    /// Hash of the model's files, or a server's name for it.
    pub model: String,
    /// Hash of the adapter's files.
    pub adapter: Option<String>,
    /// The sampler's settings, stops, limits and type.
    pub sampler: Value,
}

impl Writer {
    /// A model that is opened, with the adapter that it has on.
    ///
    /// # Errors
    ///
    /// [`CliError::Io`] names the file that cannot be read.
    pub fn local(
        opened: &Opened,
        adapter: Option<&Path>,
        generation: &Generation,
    ) -> Result<Self, CliError> {
        let generate::Settings {
            sampling,
            stops,
            max_new_tokens,
            batch_size,
            share_prefixes,
            speculate,
        } = &generation.settings;
        Ok(Self {
            model: opened.model_hash()?,
            adapter: adapter.map(hash).transpose()?,
            sampler: json!({
                "temperature": sampling.temperature, "top_k": sampling.top_k, "top_p": sampling.top_p,
                "min_p": sampling.min_p, "repetition_penalty": sampling.repetition_penalty,
                "stops": stops.strings, "stop_ids": stops.tokens, "max_new_tokens": max_new_tokens,
                "batch_size": batch_size, "share_prefixes": share_prefixes, "speculate": speculate,
                "dtype": format!("{:?}", opened.decoder.dtype()),
            }),
        })
    }

    /// The first field in which a journal's writer differs, with both values.
    #[must_use]
    pub fn difference(&self, now: &Self) -> Option<(&'static str, String, String)> {
        let fields = [
            ("model", json!(self.model), json!(now.model)),
            ("adapter", json!(self.adapter), json!(now.adapter)),
            ("sampler", self.sampler.clone(), now.sampler.clone()),
        ];
        let (name, old, new) = fields.into_iter().find(|(_, old, new)| old != new)?;
        Some((name, old.to_string(), new.to_string()))
    }
}

impl From<Writer> for distill::Identity {
    fn from(writer: Writer) -> Self {
        let Writer {
            model,
            adapter,
            sampler,
        } = writer;
        Self {
            model,
            adapter,
            sampler,
        }
    }
}

impl From<Writer> for continuation::Identity {
    fn from(writer: Writer) -> Self {
        let Writer {
            model,
            adapter,
            sampler,
        } = writer;
        Self {
            model,
            adapter,
            sampler,
        }
    }
}

/// SHA-256 of a text in hexadecimal.
#[must_use]
pub fn text_hash(text: &str) -> String {
    hexadecimal(Sha256::digest(text))
}

fn hexadecimal(digest: impl IntoIterator<Item = u8>) -> String {
    let nibbles = digest.into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}

/// SHA-256 over the weights and the configuration of a checkpoint or an adapter, in hexadecimal.
///
/// # Errors
///
/// [`CliError::Io`] names the file that cannot be read.
pub fn hash(path: &Path) -> Result<String, CliError> {
    let mut digest = Sha256::new();
    for file in files(path)? {
        let name = file
            .file_name()
            .map_or_else(Default::default, |name| name.display().to_string());
        digest.update(name.as_bytes());
        let mut open = File::open(&file).map_err(CliError::io(&file))?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = open.read(&mut buffer).map_err(CliError::io(&file))?;
            if read == 0 {
                break;
            }
            digest.update(&buffer[..read]);
        }
    }
    Ok(hexadecimal(digest.finalize()))
}

/// The file itself, or a folder's weights and `config.json`, sorted by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    if path.is_file() {
        return Ok(vec![path.into()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(CliError::io(path))? {
        let file = entry.map_err(CliError::io(path))?.path();
        let weights = file.extension().is_some_and(|end| end == "safetensors");
        let config = file.file_name().is_some_and(|name| name == "config.json");
        if weights || config || file.ends_with("adapter_config.json") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}
