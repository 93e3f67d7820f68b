//! Names of repositories and revisions, and the addresses and folders that follow from them.
//!
//! Source: `huggingface_hub` 2.4, `utils/_validators.py` (names) and `file_download.py` (addresses, folders).

use std::fmt;

use idiolect_input::{relative_path, shown};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::HubError;

/// The branch that is meant where none is named.
const MAIN: &str = "main";
/// The longest name that the Hub allows.
const MOST_BYTES: usize = 96;
/// What stands in an address as it is: RFC 3986, section 2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
const ESCAPED_PATH: &AsciiSet = &ESCAPED.remove(b'/');

/// What a repository holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RepoKind {
    /// A model.
    Model,
    /// A data set.
    Dataset,
}

impl RepoKind {
    /// Plural, as folders and interfaces have it.
    fn plural(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
        }
    }

    /// What stands before the name in the address of a page or file.
    fn prefix(self) -> &'static str {
        match self {
            Self::Model => "",
            Self::Dataset => "datasets/",
        }
    }
}

impl fmt::Display for RepoKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::Dataset => "data set",
        })
    }
}

/// A repository at a revision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repo {
    kind: RepoKind,
    name: String,
    revision: String,
}

impl Repo {
    /// The repository `owner/name`, or `owner/name@revision`, at a branch, tag or commit; `main` by default.
    ///
    /// # Errors
    ///
    /// [`HubError::Name`] for what is no name or no revision, and for two revisions that differ.
    pub fn new(kind: RepoKind, name: &str, revision: Option<&str>) -> Result<Self, HubError> {
        let (plain, own) = split(name);
        if !is_plain_name(plain) {
            return Err(wrong(name, "owner/name or owner/name@revision"));
        }
        let revision = match (own, revision) {
            (Some(own), Some(other)) if own != other => {
                return Err(wrong(name, "one revision, but the settings name another"));
            }
            (own, other) => own.or(other).unwrap_or(MAIN),
        };
        if relative_path(revision).is_err() {
            return Err(wrong(revision, "the name of a branch, a tag or a commit"));
        }
        Ok(Self {
            kind,
            name: plain.to_owned(),
            revision: revision.to_owned(),
        })
    }

    /// Whether a text has the form of a name, `owner/name` or `owner/name@revision`, which some paths have too.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        let (plain, revision) = split(text);
        is_plain_name(plain) && revision.is_none_or(|name| relative_path(name).is_ok())
    }

    /// What it holds.
    #[must_use]
    pub fn kind(&self) -> RepoKind {
        self.kind
    }

    /// `owner/name`, without a revision.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Branch, tag or commit.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The same repository at a commit.
    #[must_use]
    pub fn at(&self, commit: &str) -> Self {
        Self {
            revision: commit.to_owned(),
            ..self.clone()
        }
    }

    /// Its folder in the cache.
    pub(crate) fn folder(&self) -> String {
        format!("{}--{}", self.kind.plural(), self.name.replace('/', "--"))
    }

    /// Where people read about it and accept its terms.
    pub(crate) fn page(&self, endpoint: &str) -> String {
        format!("{endpoint}/{}{}", self.kind.prefix(), self.name)
    }

    /// Where a file of it is.
    pub(crate) fn file_url(&self, endpoint: &str, file: &str) -> String {
        let (page, revision) = (self.page(endpoint), escaped(&self.revision));
        let file = utf8_percent_encode(file, ESCAPED_PATH);
        format!("{page}/resolve/{revision}/{file}")
    }

    /// Where its commit is told.
    pub(crate) fn revision_url(&self, endpoint: &str) -> String {
        self.api(endpoint, "revision", "")
    }

    /// Where its files are listed.
    pub(crate) fn tree_url(&self, endpoint: &str) -> String {
        self.api(endpoint, "tree", "?recursive=true&expand=false")
    }

    /// Where files are announced before they come.
    pub(crate) fn preupload_url(&self, endpoint: &str) -> String {
        self.api(endpoint, "preupload", "")
    }

    /// Where a commit is made.
    pub(crate) fn commit_url(&self, endpoint: &str) -> String {
        self.api(endpoint, "commit", "")
    }

    /// Where addresses for large files are given.
    pub(crate) fn batch_url(&self, endpoint: &str) -> String {
        format!("{}.git/info/lfs/objects/batch", self.page(endpoint))
    }

    fn api(&self, endpoint: &str, what: &str, query: &str) -> String {
        let (kind, revision) = (self.kind.plural(), escaped(&self.revision));
        format!(
            "{endpoint}/api/{kind}/{}/{what}/{revision}{query}",
            self.name
        )
    }
}

impl fmt::Display for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        if self.revision != MAIN {
            write!(f, "@{}", self.revision)?;
        }
        Ok(())
    }
}

fn escaped(text: &str) -> impl fmt::Display + '_ {
    utf8_percent_encode(text, ESCAPED)
}

fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('@') {
        Some((name, revision)) => (name, Some(revision)),
        None => (text, None),
    }
}

/// `owner/name` as the Hub allows it.
fn is_plain_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let plain =
        |part: &str| !part.is_empty() && part.chars().all(allowed) && !part.starts_with(['-', '.']);
    let parts = text.split_once('/');
    parts.is_some_and(|(owner, name)| plain(owner) && plain(name))
        && !text.ends_with(['-', '.'])
        && !text.contains("--")
        && !text.contains("..")
        && text.len() <= MOST_BYTES
}

fn wrong(found: &str, expected: &'static str) -> HubError {
    HubError::Name {
        found: shown(found, 120).into_owned(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, revision: Option<&str>) -> Result<Repo, String> {
        Repo::new(RepoKind::Model, name, revision).map_err(|error| error.to_string())
    }

    #[test]
    fn names_and_revisions() {
        let plain = model("meta-llama/Llama-3.2-1B", None).unwrap();
        assert_eq!(
            (plain.name(), plain.revision()),
            ("meta-llama/Llama-3.2-1B", "main")
        );
        let tagged = model("a/b@v1.0", None).unwrap();
        assert_eq!(tagged, model("a/b", Some("v1.0")).unwrap());
        assert_eq!(tagged, model("a/b@v1.0", Some("v1.0")).unwrap());
        assert_eq!(tagged.to_string(), "model a/b@v1.0");
        assert_eq!(
            model("a/b@refs/pr/3", None).unwrap().revision(),
            "refs/pr/3"
        );
        let two = model("a/b@v1", Some("v2")).unwrap_err();
        assert_eq!(
            two,
            "Hub name \"a/b@v1\": expected one revision, but the settings name another"
        );
        for name in [
            "a",
            "a/b/c",
            "/b",
            "a/",
            "../b",
            "a/..",
            "a/.b",
            "a--b/c",
            "a/b..c",
            "a/b-",
            "a b/c",
            "a/b\u{1b}",
            "a@b/c",
        ] {
            assert!(model(name, None).is_err() && !Repo::is_name(name), "{name}");
        }
        let long = format!("a/{}", "b".repeat(95));
        assert!(model(&long, None).is_err());
        for revision in ["", "../x", "a//b", "x\u{7}"] {
            assert!(model("a/b", Some(revision)).is_err(), "{revision:?}");
        }
    }

    #[test]
    fn addresses_and_folders() {
        let repo = Repo::new(RepoKind::Dataset, "a/b", Some("refs/pr/1")).unwrap();
        assert_eq!(repo.folder(), "datasets--a--b");
        let end = "https://h.co";
        assert_eq!(repo.page(end), "https://h.co/datasets/a/b");
        assert_eq!(
            repo.file_url(end, "data/train 1.jsonl"),
            "https://h.co/datasets/a/b/resolve/refs%2Fpr%2F1/data/train%201.jsonl"
        );
        let api = "https://h.co/api/datasets/a/b";
        assert_eq!(
            repo.revision_url(end),
            format!("{api}/revision/refs%2Fpr%2F1")
        );
        let pinned = repo.at("abc").tree_url(end);
        assert_eq!(
            pinned,
            format!("{api}/tree/abc?recursive=true&expand=false")
        );
    }
}
