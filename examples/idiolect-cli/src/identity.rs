//! Hashes of the files that make a model, for provenance: two runs with the same hash had the same weights.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::CliError;

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
    let digits = |hex: String, byte: &u8| hex + &format!("{byte:02x}");
    Ok(digest.finalize().iter().fold(String::new(), digits))
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
