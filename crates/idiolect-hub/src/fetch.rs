//! Files of repositories in a folder of the user's, under names of the user's, with a list of where each came from.
//!
//! Files are copied out of the cache, so that nothing that is done to them harms it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use idiolect_input::{limits, read_text};
use serde::{Deserialize, Serialize};

use crate::HubError;
use crate::cache::{io_error, write};
use crate::download::sha256;
use crate::hub::Hub;
use crate::repo::Repo;
use crate::told::Event;

/// The list beside the files.
pub const SOURCES: &str = "sources.json";

/// A file of a repository that a folder is to have, or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileWanted<'a> {
    /// The repository and its revision.
    pub repo: &'a Repo,
    /// A path in the repository; with a star at its end, all paths that begin so.
    pub from: &'a str,
    /// Its path in the folder; the folder of the files in it, where there is a star.
    pub to: &'a str,
    /// The licence that the publisher states, for the list.
    pub licence: &'a str,
}

/// A file that was fetched, as the list beside it has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedFile {
    /// Its path in the folder.
    pub file: String,
    /// `owner/name` of the data set.
    pub repository: String,
    /// The commit that it is of.
    pub revision: String,
    /// Its path in the repository.
    pub from: String,
    /// The licence that the publisher states.
    pub licence: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
}

impl Hub {
    /// Has what is wanted in `folder`, and in its list ([`SOURCES`]) what it is; files of earlier calls stay in it.
    ///
    /// # Errors
    ///
    /// [`HubError`] as [`Hub::files`]; [`HubError::NotFound`] names the path that the repository lacks;
    /// [`HubError::Damaged`] for a list that is none; [`HubError::Occupied`] for a file that is in the folder and was
    /// not fetched.
    pub fn fetch(
        &self,
        wanted: &FileWanted<'_>,
        folder: &Path,
        told: &dyn Fn(Event<'_>),
    ) -> Result<Vec<FetchedFile>, HubError> {
        let mut list = Sources::read(folder)?;
        let listing = self.list(wanted.repo, told)?;
        let files = listing.files.keys().filter(|path| wanted.is(path));
        let files: Vec<&String> = files.collect();
        if files.is_empty() {
            return Err(self.missing(wanted.repo, wanted.from));
        }
        let bytes = files.iter().filter_map(|path| listing.files[*path]);
        told(Event::Note(&wanted.line(&listing.commit, bytes.sum())));
        let pinned = wanted.repo.at(&listing.commit);
        let one = |from: &String| {
            let source = self.file(&pinned, from, told)?;
            let fetched = wanted.fetched(from, &listing.commit, &source)?;
            let place = list.place(&fetched)?;
            copy(&source, &place).map_err(|error| io_error(&place, error))?;
            list.write(&fetched)?;
            Ok(fetched)
        };
        files.into_iter().map(one).collect()
    }
}

impl FileWanted<'_> {
    fn is(&self, path: &str) -> bool {
        match self.from.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == self.from,
        }
    }

    /// What a user is told before anything comes.
    fn line(&self, commit: &str, bytes: u64) -> String {
        let (name, licence, from) = (self.repo.name(), self.licence, self.from);
        format!("{name} at {commit}, licence {licence}: {from}, {bytes} bytes")
    }

    /// What the list says of a file that is in the cache.
    fn fetched(&self, from: &str, commit: &str, source: &Path) -> Result<FetchedFile, HubError> {
        let name = from.rsplit('/').next().unwrap_or(from);
        let file = if self.from.ends_with('*') {
            format!("{}/{name}", self.to)
        } else {
            self.to.to_owned()
        };
        let failed = |error| io_error(source, error);
        Ok(FetchedFile {
            file,
            repository: self.repo.name().to_owned(),
            revision: commit.to_owned(),
            from: from.to_owned(),
            licence: self.licence.to_owned(),
            bytes: fs::metadata(source).map_err(failed)?.len(),
            sha256: sha256(source).map_err(failed)?,
        })
    }
}

/// The list beside the files of a folder.
struct Sources<'a> {
    folder: &'a Path,
    files: BTreeMap<String, FetchedFile>,
}

impl<'a> Sources<'a> {
    fn read(folder: &'a Path) -> Result<Self, HubError> {
        let path = folder.join(SOURCES);
        let mut files = BTreeMap::new();
        if path.exists() {
            let text = read_text(&path, &limits::CONFIG_BYTES);
            let text = text.map_err(|source| io_error(&path, source))?;
            let list: Vec<FetchedFile> =
                serde_json::from_str(&text).map_err(|error| HubError::Damaged {
                    url: path.display().to_string(),
                    expected: "a list of fetched files".to_owned(),
                    found: error.to_string(),
                })?;
            files.extend(list.into_iter().map(|file| (file.file.clone(), file)));
        }
        Ok(Self { folder, files })
    }

    /// Where a file goes: over one that was fetched, or the same; a file of the user's own stays.
    fn place(&self, fetched: &FetchedFile) -> Result<PathBuf, HubError> {
        let place = self.folder.join(&fetched.file);
        let is_ours = self.files.contains_key(&fetched.file);
        let is_free = is_ours || !place.exists();
        if is_free || sha256(&place).is_ok_and(|found| found == fetched.sha256) {
            return Ok(place);
        }
        Err(HubError::Occupied { path: place })
    }

    fn write(&mut self, fetched: &FetchedFile) -> Result<(), HubError> {
        self.files.insert(fetched.file.clone(), fetched.clone());
        let path = self.folder.join(SOURCES);
        let list: Vec<_> = self.files.values().collect();
        let text = serde_json::to_vec_pretty(&list).map_err(std::io::Error::from);
        text.and_then(|text| write(&path, &text))
            .map_err(|source| io_error(&path, source))
    }
}

/// Copies a file beside its place, then renames it.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut beside = to.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let copied = fs::copy(from, &beside).and_then(|_| fs::rename(&beside, to));
    if copied.is_err() {
        let _ = fs::remove_file(&beside);
    }
    copied
}
