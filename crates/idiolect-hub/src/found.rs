//! Files that are in the cache.

use std::collections::BTreeMap;
use std::path::PathBuf;

use idiolect_input::{limits, read_bytes};

use crate::error::HubError;
use crate::repo::Repo;

/// Files of one commit, all of them in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The commit.
    pub commit: String,
    /// The folder that they lie in.
    pub folder: PathBuf,
    /// Each file by its path in the repository.
    pub files: BTreeMap<String, PathBuf>,
}

/// A file, and the commit that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The repository at the commit.
    pub repo: Repo,
    /// The file in the cache.
    pub path: PathBuf,
    /// The Hub was not asked, or gave nothing: the commit is the last that is known.
    pub from_cache: bool,
}

impl Pinned {
    /// The text of a small file, such as a repository's card; what is no UTF-8 in it is replaced.
    ///
    /// # Errors
    ///
    /// [`HubError::Io`] where the cache cannot be read, and for a file beyond the limit of a configuration.
    pub fn text(&self) -> Result<String, HubError> {
        match read_bytes(&self.path, &limits::CONFIG_BYTES) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(source) => Err(HubError::Io {
                path: self.path.clone(),
                source,
            }),
        }
    }
}
