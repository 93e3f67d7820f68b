//! A file as the Hub is told of it: its size, its first bytes and its hash.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use idiolect_input::relative_path;
use sha2::{Digest, Sha256};

use crate::HubError;
use crate::cache::io_error;

/// First bytes that the Hub looks at.
const SAMPLE: usize = 512;

/// A file that is to be uploaded.
#[derive(Debug)]
pub(super) struct Content {
    /// Its path in the repository.
    pub(super) name: String,
    /// Where it is.
    pub(super) path: PathBuf,
    pub(super) size: u64,
    /// Its first bytes.
    pub(super) sample: Vec<u8>,
    /// In hexadecimal digits.
    pub(super) sha256: String,
}

impl Content {
    /// Reads a file once, whole.
    ///
    /// # Errors
    ///
    /// [`HubError::Io`]; [`HubError::Name`] for a path in the repository that is none.
    pub(super) fn read(name: &str, path: &Path) -> Result<Self, HubError> {
        relative_path(name).map_err(|error| HubError::Name {
            found: error.found,
            expected: error.expected,
        })?;
        let failed = |source| io_error(path, source);
        let mut file = File::open(path).map_err(failed)?;
        let (mut digest, mut sample, mut size) = (Sha256::new(), Vec::new(), 0);
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer).map_err(failed)?;
            if read == 0 {
                break;
            }
            let part = &buffer[..read];
            let wanted = SAMPLE.saturating_sub(sample.len()).min(read);
            sample.extend_from_slice(&part[..wanted]);
            digest.update(part);
            size += read as u64;
        }
        let halves = digest.finalize();
        let halves = halves.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = halves.filter_map(|half| char::from_digit(half.into(), 16));
        Ok(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            size,
            sample,
            sha256: digits.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: `printf 'abc' | sha256sum`.
    #[test]
    fn a_file_is_described_by_size_sample_and_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        let found = Content::read("a", &path).unwrap();
        assert_eq!((found.size, found.sample.as_slice()), (3, &b"abc"[..]));
        assert_eq!(
            found.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        std::fs::write(&path, vec![7; 3 << 20]).unwrap();
        let found = Content::read("a", &path).unwrap();
        assert_eq!((found.size, found.sample), (3 << 20, vec![7; SAMPLE]));
        assert!(Content::read("../a", &path).is_err());
    }
}
