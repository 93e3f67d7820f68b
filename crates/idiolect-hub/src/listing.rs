//! The files of a repository at a commit.
//!
//! The list is kept beside the snapshots, in the form of `huggingface_hub` 2.4 (`_tree_cache.py`): what a commit
//! holds never changes.

use std::collections::{BTreeMap, HashSet};

use idiolect_http::{HeaderMap, bounded_text};
use idiolect_input::{limits, relative_path};
use serde_json::{Map, Value, json};

use crate::HubError;
use crate::cache::{Cache, is_commit, is_full_commit};
use crate::remote::{Asked, Failure, Purpose, Remote};
use crate::repo::Repo;

/// What a kept list has of a file beside its path, in bytes at most.
const ENTRY_BYTES: usize = 256;

/// The files of a repository at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The commit.
    pub commit: String,
    /// Paths of files, in order, with their sizes in bytes where the Hub says them.
    pub files: BTreeMap<String, Option<u64>>,
    /// False where no list could be had and these are the files that the cache has.
    pub is_whole: bool,
}

impl Remote {
    /// The commit that a revision is at now.
    pub(crate) fn commit(&self, repo: &Repo, attempts: u32) -> Result<String, HubError> {
        if is_full_commit(repo.revision()) {
            return Ok(repo.revision().to_owned());
        }
        let url = repo.revision_url(&self.config.endpoint);
        let (answer, _) = self.tried(&url, attempts, || self.json(&url, repo))?;
        match answer.get("sha").and_then(Value::as_str) {
            Some(commit) if is_commit(commit) => Ok(commit.to_owned()),
            _ => Err(damaged(&url, "a commit (sha)", &answer)),
        }
    }

    /// The files at a commit, in the form in which they are kept: no more than can be read again.
    pub(crate) fn tree(&self, repo: &Repo) -> Result<Value, HubError> {
        let (mut url, mut tree) = (repo.tree_url(&self.config.endpoint), Tree::default());
        let most = limits::CONFIG_BYTES.value();
        let most = most.map_err(|error| damaged(&url, "a limit", &error.to_string().into()))?;
        loop {
            let (page, next) = self.tried(&url, self.config.attempts, || self.json(&url, repo))?;
            let before = tree.entries.len();
            tree.add(&url, &page)?;
            let Some(next) = next else {
                return Ok(json!({"format_version": 1, "files": tree.files}));
            };
            if tree.entries.len() == before {
                let found = "a page without a new file, and another one behind it";
                return Err(damaged(&url, "a list that ends", &found.into()));
            }
            if most < tree.bytes {
                let expected = format!("a list of at most {most} bytes");
                return Err(damaged(&url, &expected, &"a longer one".into()));
            }
            url = next;
        }
    }

    /// A page of an interface, and the address of the next one.
    fn json(&self, url: &str, repo: &Repo) -> Result<(Value, Option<String>), Failure> {
        let asked = Asked { repo, file: None };
        let response = self.call(url, Purpose::List, asked)?;
        if !response.status().is_success() {
            return Err(self.damaged(url, "a list", "a redirection to another host"));
        }
        let next = next_page(response.headers());
        let next = next.map(|next| self.next(url, &next)).transpose()?;
        let most = limits::CONFIG_BYTES.value();
        let most = most.map_err(|error| self.damaged(url, "a limit", &error.to_string()))?;
        let text = bounded_text(response, most).map_err(|error| Failure::Again {
            found: format!("an answer cut off: {error}"),
            wait: None,
        })?;
        let Some(text) = text else {
            let expected = format!("a list of at most {most} bytes");
            return Err(self.damaged(url, &expected, "a longer one"));
        };
        let value = serde_json::from_str(&text);
        let value = value.map_err(|error| self.damaged(url, "JSON", &error.to_string()))?;
        Ok((value, next))
    }
}

/// A list as its pages come.
#[derive(Default)]
struct Tree {
    files: Map<String, Value>,
    /// Paths of files and folders.
    entries: HashSet<String>,
    /// How many the list will have, about.
    bytes: u64,
}

impl Tree {
    fn add(&mut self, url: &str, page: &Value) -> Result<(), HubError> {
        let entries = page.as_array();
        for entry in entries.ok_or_else(|| damaged(url, "a list", page))? {
            let path = entry["path"].as_str().unwrap_or_default();
            self.bytes += (path.len() + ENTRY_BYTES) as u64;
            self.entries.insert(path.to_owned());
            if entry["type"] == "file" {
                let (path, kept) = file(entry).ok_or_else(|| damaged(url, "a file", entry))?;
                self.files.insert(path, kept);
            }
        }
        Ok(())
    }
}

impl Listing {
    /// A list as it was kept; none for one that is no list.
    pub(crate) fn kept(commit: &str, kept: &Value) -> Option<Self> {
        if kept["format_version"] != 1 {
            return None;
        }
        let files = kept["files"].as_object()?.iter().map(|(path, entry)| {
            let path = relative_path(path).ok()?.to_owned();
            let size = entry["lfs_size"]
                .as_u64()
                .or_else(|| entry["size"].as_u64());
            Some((path, size))
        });
        Some(Self {
            commit: commit.to_owned(),
            files: files.collect::<Option<_>>()?,
            is_whole: true,
        })
    }

    /// What the cache knows of a commit: its list, or else the files that are here; none where there are none.
    pub(crate) fn cached(cache: &Cache, commit: &str) -> Option<Self> {
        let kept = cache.listing(commit);
        let kept = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(listing) = kept.and_then(|kept| Self::kept(commit, &kept)) {
            return Some(listing);
        }
        let files = cache.files(commit);
        (!files.is_empty()).then(|| Self {
            commit: commit.to_owned(),
            files: files.into_iter().map(|path| (path, None)).collect(),
            is_whole: false,
        })
    }
}

/// A file of a page as it is kept; none for what is none, and for a path that leads elsewhere.
fn file(entry: &Value) -> Option<(String, Value)> {
    let path = relative_path(entry["path"].as_str()?).ok()?;
    let mut kept = json!({"size": entry["size"].as_u64()?, "blob_id": entry["oid"].as_str()?});
    if let Some(hash) = entry["lfs"]["oid"].as_str() {
        kept["lfs_sha256"] = hash.into();
        kept["lfs_size"] = entry["lfs"]["size"].as_u64()?.into();
    }
    if let Some(hash) = entry["xetHash"].as_str() {
        kept["xet_hash"] = hash.into();
    }
    Some((path.to_owned(), kept))
}

/// `Link: <address>; rel="next"`, RFC 8288.
fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = headers.get("link")?.to_str().ok()?;
    let mut links = links.split(',').map(str::trim);
    let next = links.find(|link| link.contains("rel=\"next\""))?;
    let (address, _) = next.strip_prefix('<')?.split_once('>')?;
    Some(address.to_owned())
}

fn damaged(url: &str, expected: &str, found: &Value) -> HubError {
    HubError::Damaged {
        url: url.to_owned(),
        expected: expected.to_owned(),
        found: idiolect_input::shown(&found.to_string(), 200).into_owned(),
    }
}
