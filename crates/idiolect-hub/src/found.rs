//! Files that are in the cache.

use std::collections::BTreeMap;
use std::path::PathBuf;

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
