//! The cache: blobs by their hash, snapshots of links to them by commit, refs from branches to commits.
//!
//! Source: `huggingface_hub` 2.4, `file_download.py` and `_tree_cache.py`, so that both share one cache.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::Duration;

use idiolect_input::{Limit, limits, read_bytes, read_text, relative_path};

use crate::repo::Repo;
use crate::told::Event;
use crate::{HubConfig, HubError};

/// A ref holds a commit and no more.
const REF_BYTES: Limit = limits::CONFIG_BYTES;

/// The part of the cache that one repository has.
#[derive(Debug)]
pub(crate) struct Cache {
    root: PathBuf,
    folder: PathBuf,
    locks: PathBuf,
}

/// A blob that this process alone writes, until it is dropped. A file system that has no locks is used without.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Cache {
    pub(crate) fn new(config: &HubConfig, repo: &Repo) -> Self {
        let (root, name) = (config.cache.clone(), repo.folder());
        Self {
            folder: root.join(&name),
            locks: root.join(".locks").join(name),
            root,
        }
    }

    /// The whole cache, of all repositories.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The commit of a revision, as it was known the last time.
    pub(crate) fn commit(&self, revision: &str) -> Option<String> {
        if is_full_commit(revision) {
            return Some(revision.to_owned());
        }
        let text = read_text(&self.folder.join("refs").join(revision), &REF_BYTES).ok()?;
        let commit = text.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    /// Keeps the commit of a revision. A cache that cannot be written stays as it is.
    pub(crate) fn keep_commit(&self, revision: &str, commit: &str) {
        let known = self.commit(revision);
        if revision != commit && known.as_deref() != Some(commit) {
            let path = self.folder.join("refs").join(revision);
            let _ = write(&path, commit.as_bytes());
        }
    }

    /// Where a file of a commit is.
    pub(crate) fn pointer(&self, commit: &str, file: &str) -> PathBuf {
        self.snapshot(commit).join(file)
    }

    /// A file of a commit, where it is here.
    pub(crate) fn found(&self, commit: &str, file: &str) -> Option<PathBuf> {
        let path = self.pointer(commit, file);
        path.exists().then_some(path)
    }

    /// Whether a commit is known to have no such file.
    pub(crate) fn is_absent(&self, commit: &str, file: &str) -> bool {
        self.absent(commit, file).exists()
    }

    /// Keeps that a commit has no such file.
    pub(crate) fn keep_absent(&self, commit: &str, file: &str) {
        let _ = write(&self.absent(commit, file), b"");
    }

    fn absent(&self, commit: &str, file: &str) -> PathBuf {
        self.folder.join(".no_exist").join(commit).join(file)
    }

    /// The folder of a commit.
    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The files of a commit that are here, by their paths in it.
    pub(crate) fn files(&self, commit: &str) -> Vec<String> {
        let (mut files, root) = (Vec::new(), self.snapshot(commit));
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                // The type is the link's own, so that no link to a folder is followed.
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    _ => files.extend(below(&root, &entry.path())),
                }
            }
        }
        files.sort_unstable();
        files
    }

    /// The list of a commit's files, as it was written once.
    pub(crate) fn listing(&self, commit: &str) -> Option<Vec<u8>> {
        read_bytes(&self.trees(commit), &limits::CONFIG_BYTES).ok()
    }

    /// Keeps the list of a commit's files. A cache that cannot be written stays as it is.
    pub(crate) fn keep_listing(&self, commit: &str, listing: &[u8]) {
        let _ = write(&self.trees(commit), listing);
    }

    fn trees(&self, commit: &str) -> PathBuf {
        self.folder.join("trees").join(format!("{commit}.json"))
    }

    /// A file's content, by the hash that the Hub gives it.
    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// What is here of a content that did not come whole.
    pub(crate) fn partial(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{etag}.incomplete"))
    }

    /// Waits until no other process writes this content.
    pub(crate) fn lock(&self, etag: &str, told: &dyn Fn(Event<'_>)) -> Result<Lock, HubError> {
        let path = self.locks.join(format!("{etag}.lock"));
        let failed = |source| io_error(&path, source);
        fs::create_dir_all(&self.locks).map_err(failed)?;
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(failed)?;
        let mut waiting = false;
        while let Err(TryLockError::WouldBlock) = file.try_lock() {
            if !waiting {
                told(Event::Note(
                    "waiting for another process that downloads the same file",
                ));
                waiting = true;
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(Lock(file))
    }

    /// Makes a content that is here a file of a commit.
    pub(crate) fn link(&self, etag: &str, commit: &str, file: &str) -> Result<PathBuf, HubError> {
        let pointer = self.pointer(commit, file);
        if pointer.exists() {
            return Ok(pointer);
        }
        let failed = |source| io_error(&pointer, source);
        if let Some(folder) = pointer.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // A link that leads nowhere, left by a cache that was cleaned.
        let _ = fs::remove_file(&pointer);
        // Up from the file's own folder, the commit's, and that of all snapshots.
        let up = "../".repeat(file.split('/').count() + 1);
        let target = PathBuf::from(format!("{up}blobs/{etag}"));
        link_or_copy(&target, &self.blob(etag), &pointer).map_err(failed)?;
        Ok(pointer)
    }
}

/// A name for a commit that is safe as a part of a path.
pub(crate) fn is_commit(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A commit and no name of a branch: 40 hexadecimal digits, which never come to mean another one.
pub(crate) fn is_full_commit(text: &str) -> bool {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 40 && text.bytes().all(hex)
}

fn below(root: &Path, path: &Path) -> Option<String> {
    let parts = path.strip_prefix(root).ok()?.components();
    let parts = parts.map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let path = parts.collect::<Option<Vec<_>>>()?.join("/");
    relative_path(&path).is_ok().then_some(path)
}

/// Writes beside the place, then renames.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

pub(crate) fn io_error(path: &Path, source: io::Error) -> HubError {
    HubError::Io {
        path: path.to_owned(),
        source,
    }
}

/// A relative link; a copy where the system or the file system has none.
#[cfg(unix)]
fn link_or_copy(target: &Path, blob: &Path, pointer: &Path) -> io::Result<()> {
    let linked = std::os::unix::fs::symlink(target, pointer);
    linked.or_else(|_| fs::copy(blob, pointer).map(drop))
}

#[cfg(not(unix))]
fn link_or_copy(_: &Path, blob: &Path, pointer: &Path) -> io::Result<()> {
    fs::copy(blob, pointer).map(drop)
}
