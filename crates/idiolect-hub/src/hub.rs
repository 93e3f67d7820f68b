//! The Hub as its users see it: files by their names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use idiolect_input::relative_path;

use crate::cache::{Cache, is_full_commit};
use crate::download::{Head, Wanted};
use crate::error::Missing;
use crate::found::{Pinned, Snapshot};
use crate::listing::Listing;
use crate::remote::Remote;
use crate::repo::Repo;
use crate::told::Event;
use crate::{HubConfig, HubError};

/// The Hub, and the cache before it.
///
/// A branch is looked up with each call; what a commit holds is asked for once. Where the Hub gives no answer, or
/// none for this account, files that are in the cache are used, and the caller is told.
#[derive(Debug)]
pub struct Hub {
    pub(crate) remote: Remote,
}

/// A repository and its part of the cache.
struct Place<'a> {
    repo: &'a Repo,
    cache: Cache,
}

impl Place<'_> {
    /// A file as the cache has it.
    fn known(&self, file: &str) -> Option<Pinned> {
        let commit = self.cache.commit(self.repo.revision())?;
        Some(Pinned {
            path: self.cache.found(&commit, file)?,
            repo: self.repo.at(&commit),
            from_cache: true,
        })
    }
}

impl Hub {
    /// A Hub with these settings; nothing is asked for yet.
    #[must_use]
    pub fn new(config: HubConfig) -> Self {
        Self {
            remote: Remote::new(config),
        }
    }

    /// The Hub as the user's environment says.
    ///
    /// # Errors
    ///
    /// As [`HubConfig::of_user`].
    pub fn of_user() -> Result<Self, HubError> {
        Ok(Self::new(HubConfig::of_user()?))
    }

    /// A file; downloads what is not in the cache.
    ///
    /// # Errors
    ///
    /// [`HubError`]; where the repository has no such file, one with [`HubError::is_missing_file`].
    pub fn file(
        &self,
        repo: &Repo,
        file: &str,
        told: &dyn Fn(Event<'_>),
    ) -> Result<PathBuf, HubError> {
        Ok(self.pinned(repo, file, told)?.path)
    }

    /// A file that is in the cache; nothing is asked for.
    #[must_use]
    pub fn cached(&self, repo: &Repo, file: &str) -> Option<PathBuf> {
        let cache = self.place(repo).cache;
        cache.found(&cache.commit(repo.revision())?, checked(file).ok()?)
    }

    /// A file, and the commit that its revision is at, for the other files to be of the same.
    ///
    /// # Errors
    ///
    /// As [`Self::file`].
    pub fn pinned(
        &self,
        repo: &Repo,
        file: &str,
        told: &dyn Fn(Event<'_>),
    ) -> Result<Pinned, HubError> {
        let (file, place) = (checked(file)?, self.place(repo));
        let known = place.known(file);
        let is_commit = is_full_commit(repo.revision());
        match known {
            Some(known) if is_commit || self.remote.config.offline => {
                let from_cache = self.remote.config.offline;
                return Ok(Pinned {
                    from_cache,
                    ..known
                });
            }
            None if is_commit && place.cache.is_absent(repo.revision(), file) => {
                return Err(self.missing(repo, file));
            }
            None if self.remote.config.offline => return Err(offline(&place, file)),
            _ => {}
        }
        // What is in the cache may stand in, so that nobody waits for a Hub that is away.
        let attempts = self.attempts(known.is_some());
        match (self.remote.head(repo, file, attempts), known) {
            (Ok(head), _) => self.fetched(&place, file, &head, told),
            (Err(error), Some(known)) if error.allows_the_cache() => {
                note(told, &error);
                Ok(known)
            }
            (Err(error), _) => {
                if error.is_missing_file() && is_commit {
                    place.cache.keep_absent(repo.revision(), file);
                }
                Err(error)
            }
        }
    }

    fn attempts(&self, is_known: bool) -> u32 {
        if is_known {
            1
        } else {
            self.remote.config.attempts
        }
    }

    /// All files of a repository.
    ///
    /// # Errors
    ///
    /// [`HubError`].
    pub fn list(&self, repo: &Repo, told: &dyn Fn(Event<'_>)) -> Result<Listing, HubError> {
        let place = self.place(repo);
        let known = place.cache.commit(repo.revision());
        let known = known.and_then(|commit| Listing::cached(&place.cache, &commit));
        if self.remote.config.offline {
            return known.ok_or_else(|| offline(&place, "its files"));
        }
        let whole = known.as_ref().filter(|listing| listing.is_whole);
        if let (Some(listing), true) = (whole, is_full_commit(repo.revision())) {
            return Ok(listing.clone());
        }
        let attempts = if known.is_some() {
            1
        } else {
            self.remote.config.attempts
        };
        match (self.listed(&place, attempts), known) {
            (Err(error), Some(listing)) if error.allows_the_cache() => {
                note(told, &error);
                Ok(listing)
            }
            (found, _) => found,
        }
    }

    fn listed(&self, place: &Place<'_>, attempts: u32) -> Result<Listing, HubError> {
        let commit = self.remote.commit(place.repo, attempts)?;
        let known = Listing::cached(&place.cache, &commit);
        if let Some(listing) = known.filter(|listing| listing.is_whole) {
            place.cache.keep_commit(place.repo.revision(), &commit);
            return Ok(listing);
        }
        let pinned = place.repo.at(&commit);
        let tree = self.remote.tree(&pinned)?;
        place.cache.keep_commit(place.repo.revision(), &commit);
        place
            .cache
            .keep_listing(&commit, tree.to_string().as_bytes());
        Listing::kept(&commit, &tree).ok_or_else(|| HubError::Damaged {
            url: pinned.tree_url(&self.remote.config.endpoint),
            expected: "a list of files".to_owned(),
            found: "another".to_owned(),
        })
    }

    /// The files of a repository whose paths are wanted, all of one commit.
    ///
    /// # Errors
    ///
    /// [`HubError`]; [`HubError::NotFound`] where no path is wanted.
    pub fn files(
        &self,
        repo: &Repo,
        is_wanted: &dyn Fn(&str) -> bool,
        told: &dyn Fn(Event<'_>),
    ) -> Result<Snapshot, HubError> {
        let listing = self.list(repo, told)?;
        let pinned = repo.at(&listing.commit);
        let place = self.place(&pinned);
        let wanted = listing.files.keys().filter(|path| is_wanted(path));
        let mut files = BTreeMap::new();
        for file in wanted {
            let path = match place.cache.found(&listing.commit, file) {
                Some(path) => path,
                None => self.file(&pinned, file, told)?,
            };
            files.insert(file.clone(), path);
        }
        if files.is_empty() {
            return Err(self.missing(repo, "that is wanted"));
        }
        Ok(Snapshot {
            folder: place.cache.snapshot(&listing.commit),
            commit: listing.commit,
            files,
        })
    }

    fn fetched(
        &self,
        place: &Place<'_>,
        file: &str,
        head: &Head,
        told: &dyn Fn(Event<'_>),
    ) -> Result<Pinned, HubError> {
        let (cache, repo) = (&place.cache, place.repo.at(&head.commit));
        cache.keep_commit(place.repo.revision(), &head.commit);
        let path = if let Some(path) = cache.found(&head.commit, file) {
            path
        } else {
            let repo = &repo;
            let wanted = Wanted {
                repo,
                file,
                head,
                told,
            };
            self.remote.blob(cache, &wanted)?;
            cache.link(&head.etag, &head.commit, file)?
        };
        Ok(Pinned {
            repo,
            path,
            from_cache: false,
        })
    }

    fn place<'a>(&self, repo: &'a Repo) -> Place<'a> {
        Place {
            repo,
            cache: Cache::new(&self.remote.config, repo),
        }
    }

    pub(crate) fn missing(&self, repo: &Repo, file: &str) -> HubError {
        HubError::NotFound {
            repo: repo.to_string(),
            missing: Missing::File(file.to_owned()),
            token: self.remote.token_state(),
        }
    }
}

fn offline(place: &Place<'_>, file: &str) -> HubError {
    HubError::Offline {
        repo: place.repo.to_string(),
        file: file.to_owned(),
        cache: place.cache.root().to_owned(),
    }
}

fn checked(file: &str) -> Result<&str, HubError> {
    relative_path(file).map_err(|error| HubError::Name {
        found: error.found,
        expected: error.expected,
    })
}

fn note(told: &dyn Fn(Event<'_>), error: &HubError) {
    told(Event::Note(&format!(
        "the copy in the cache is used, for the Hub gave nothing: {error}"
    )));
}
