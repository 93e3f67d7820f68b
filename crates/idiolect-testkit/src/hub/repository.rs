//! Repositories, and who may read them.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// Who may read a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Those with [`GOOD_TOKEN`]; others are told that there is no such repository.
    Private,
    /// Those with [`GOOD_TOKEN`]; others are told to accept its terms.
    Gated,
}

/// The token of an account that may read everything.
pub const GOOD_TOKEN: &str = "hf_good_token_of_the_tests";
/// The token of an account that accepted no terms.
pub const POOR_TOKEN: &str = "hf_poor_token_of_the_tests";

/// A repository at its only commit.
#[derive(Debug, Clone)]
pub struct Repository {
    /// `models/owner/name` or `datasets/owner/name`.
    pub place: String,
    /// 40 hexadecimal digits.
    pub commit: String,
    /// Branches and tags that are at the commit.
    pub revisions: Vec<String>,
    /// Content by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Files of more bytes lie on the other host, as large ones of the Hub do.
    pub large: usize,
    /// Who may read it.
    pub access: Access,
}

impl Repository {
    /// A public repository with a branch `main`.
    #[must_use]
    pub fn new(place: &str, files: &[(&str, &[u8])]) -> Self {
        let files = files.iter();
        let files: BTreeMap<_, _> = files
            .map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()))
            .collect();
        let all = format!("{place} {files:?}");
        Self {
            place: place.to_owned(),
            commit: sha256(all.as_bytes())[..40].to_owned(),
            revisions: vec!["main".to_owned()],
            files,
            large: 100,
            access: Access::Public,
        }
    }

    /// What names the content of a file: SHA-256 of a large one, 40 digits of any other.
    #[must_use]
    pub fn etag(&self, content: &[u8]) -> String {
        let hash = sha256(content);
        if content.len() > self.large {
            return hash;
        }
        hash[..40].to_owned()
    }
}

/// SHA-256 in hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let halves = digest.into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect()
}
