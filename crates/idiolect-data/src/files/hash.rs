//! SHA-256 of texts, and of the files that decide what a model or an adapter computes.

use std::io::Read;
use std::path::{Path, PathBuf};

use idiolect_input::open_regular;
use sha2::{Digest, Sha256};

use crate::DataError;

/// SHA-256 of a text in hexadecimal.
#[must_use]
pub fn text_hash(text: &str) -> String {
    hexadecimal(Sha256::digest(text))
}

/// SHA-256 over the name and the bytes of a file, or of a folder's weights (`*.safetensors`), `config.json` and
/// `adapter_config.json` in the order of their names, in hexadecimal.
///
/// Two checkpoints or adapters with the same hash are the same.
///
/// # Errors
///
/// [`DataError::Io`] names the file that cannot be read.
pub fn content_hash(path: &Path) -> Result<String, DataError> {
    let mut digest = Sha256::new();
    for file in files(path)? {
        let name = file.file_name().unwrap_or_default();
        digest.update(name.display().to_string().as_bytes());
        add(&mut digest, &file).map_err(|source| unreadable(&file, source))?;
    }
    Ok(hexadecimal(digest.finalize()))
}

fn add(digest: &mut Sha256, file: &Path) -> std::io::Result<()> {
    let mut open = open_regular(file)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = open.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        digest.update(&buffer[..read]);
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    if path.is_file() {
        return Ok(vec![path.into()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|source| unreadable(path, source))? {
        let file = entry.map_err(|source| unreadable(path, source))?.path();
        let is_weights = file.extension().is_some_and(|end| end == "safetensors");
        if is_weights || file.ends_with("config.json") || file.ends_with("adapter_config.json") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn hexadecimal(digest: impl IntoIterator<Item = u8>) -> String {
    let halves = digest.into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect()
}

fn unreadable(path: &Path, source: std::io::Error) -> DataError {
    DataError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: `printf 'abc' | sha256sum`; the same of the names and contents one after the other.
    #[test]
    fn hashes_are_those_of_sha256sum() {
        assert_eq!(
            text_hash("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("model.safetensors", "weights");
        write("config.json", "{}");
        write("README.md", "not hashed");
        let whole = content_hash(folder.path()).unwrap();
        assert_eq!(whole, text_hash("config.json{}model.safetensorsweights"));
        let one = content_hash(&folder.path().join("config.json")).unwrap();
        assert_eq!(one, text_hash("config.json{}"));
        write("adapter_config.json", "{}");
        assert_ne!(content_hash(folder.path()).unwrap(), whole);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = content_hash(Path::new("no/such/model"))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("no/such/model: cannot read"), "{error}");
    }
}
