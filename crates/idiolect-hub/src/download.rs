//! One file: what the Hub says of it, its bytes, and their check.
//!
//! A download that breaks off is kept and resumed where it ended, in the same call and in later ones.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use idiolect_http::{Body, HeaderMap, Response, StatusCode};
use idiolect_input::file_name;
use sha2::{Digest, Sha256};

use crate::HubError;
use crate::cache::{Cache, io_error, is_commit};
use crate::remote::{Asked, Failure, Purpose, Remote};
use crate::repo::Repo;
use crate::told::Event;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 17;

/// What the Hub says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The commit that the revision is at.
    pub(crate) commit: String,
    /// Hash of the content: SHA-256 of a large file, else git's.
    pub(crate) etag: String,
    /// Bytes, where it says.
    pub(crate) size: Option<u64>,
}

/// A file to be had.
pub(crate) struct Wanted<'a> {
    pub(crate) repo: &'a Repo,
    pub(crate) file: &'a str,
    pub(crate) head: &'a Head,
    pub(crate) told: &'a dyn Fn(Event<'_>),
}

impl Remote {
    /// What the Hub says of a file.
    pub(crate) fn head(&self, repo: &Repo, file: &str, attempts: u32) -> Result<Head, HubError> {
        let url = repo.file_url(&self.config.endpoint, file);
        let asked = Asked {
            repo,
            file: Some(file),
        };
        self.tried(&url, attempts, || {
            let response = self.call(&url, Purpose::Head, asked)?;
            let is_here = response.status().is_success();
            head(response.headers(), is_here)
                .map_err(|(expected, found)| self.damaged(&url, expected, &found))
        })
    }

    /// Has the content in the cache, whole and checked.
    pub(crate) fn blob(&self, cache: &Cache, wanted: &Wanted<'_>) -> Result<(), HubError> {
        let etag = &wanted.head.etag;
        let (partial, blob) = (cache.partial(etag), cache.blob(etag));
        if let Some(folder) = blob.parent() {
            fs::create_dir_all(folder).map_err(|source| io_error(folder, source))?;
        }
        let _lock = cache.lock(etag, wanted.told)?;
        if blob.exists() {
            return Ok(());
        }
        self.download(&partial, wanted)?;
        if let Err((expected, found)) = check(&partial, wanted.head)? {
            let _ = fs::remove_file(&partial);
            return Err(HubError::Damaged {
                url: wanted.repo.file_url(&self.config.endpoint, wanted.file),
                expected,
                found,
            });
        }
        fs::rename(&partial, &blob).map_err(|source| io_error(&blob, source))
    }

    /// Attempts that bring nothing are counted; one that brings more than there ever was begins the count anew. A
    /// server that never sends as much as it announced is left after as many whole answers.
    fn download(&self, partial: &Path, wanted: &Wanted<'_>) -> Result<(), HubError> {
        let failed = |source| io_error(partial, source);
        let url = wanted.repo.file_url(&self.config.endpoint, wanted.file);
        let open = File::options().create(true).append(true).open(partial);
        let mut file = open.map_err(failed)?;
        let mut attempts = 0;
        let mut had = file.metadata().map_err(failed)?.len();
        if wanted.head.size.is_some_and(|size| had > size) {
            file.set_len(0).map_err(failed)?;
            had = 0;
        }
        begin(wanted, had);
        let mut most = had;
        while wanted.head.size.is_none_or(|size| had < size) {
            let mut part = Part {
                file: &mut file,
                had: &mut had,
                path: partial,
            };
            let ended = self.part(&url, &mut part, wanted);
            if ended.is_ok() && wanted.head.size.is_none_or(|size| had == size) {
                break;
            }
            attempts = if had > most { 1 } else { attempts + 1 };
            most = most.max(had);
            let failure = ended.err().unwrap_or_else(|| Failure::Again {
                found: format!("an answer that ends after {had} bytes"),
                wait: None,
            });
            self.pause(&url, failure, attempts, self.config.attempts)?;
        }
        (wanted.told)(Event::End);
        file.sync_all().map_err(failed)
    }

    /// From where the file ends, as far as the connection goes.
    fn part(&self, url: &str, part: &mut Part<'_>, wanted: &Wanted<'_>) -> Result<(), Failure> {
        let asked = Asked {
            repo: wanted.repo,
            file: Some(wanted.file),
        };
        let response = self.call(url, Purpose::Content { from: *part.had }, asked)?;
        if *part.had > 0 && !continues(&response, *part.had) {
            part.restart()?;
            (wanted.told)(Event::End);
            begin(wanted, 0);
            // A whole answer is taken; a part of another place is not.
            if response.status() != StatusCode::OK {
                let found = "another part of the file than was asked for".to_owned();
                return Err(Failure::Again { found, wait: None });
            }
        }
        let before = *part.had;
        part.take(response.into_body(), wanted)?;
        if *part.had == before {
            let found = "an answer without bytes".to_owned();
            return Err(Failure::Again { found, wait: None });
        }
        Ok(())
    }
}

/// A file that grows.
struct Part<'a> {
    file: &'a mut File,
    had: &'a mut u64,
    path: &'a Path,
}

impl Part<'_> {
    fn restart(&mut self) -> Result<(), Failure> {
        self.file.set_len(0).map_err(|source| self.failed(source))?;
        *self.had = 0;
        Ok(())
    }

    /// Everything that comes, and no more than was announced.
    fn take(&mut self, body: Body, wanted: &Wanted<'_>) -> Result<(), Failure> {
        let left = wanted.head.size.map_or(u64::MAX, |size| size - *self.had);
        let mut reader = body.into_reader().take(left);
        let mut bytes = vec![0; CHUNK];
        loop {
            let count = match reader.read(&mut bytes) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let found = format!("a download cut off: {error}");
                    return Err(Failure::Again { found, wait: None });
                }
            };
            let written = self.file.write_all(&bytes[..count]);
            written.map_err(|source| self.failed(source))?;
            *self.had += count as u64;
            (wanted.told)(Event::Advance(count as u64));
        }
    }

    fn failed(&self, source: io::Error) -> Failure {
        Failure::Final(Box::new(io_error(self.path, source)))
    }
}

fn begin(wanted: &Wanted<'_>, had: u64) {
    (wanted.told)(Event::Begin {
        file: wanted.file,
        bytes: wanted.head.size.unwrap_or(0),
        had,
    });
}

/// Whether an answer goes on at a byte.
fn continues(response: &Response<Body>, from: u64) -> bool {
    let range = response.headers().get("content-range");
    let range = range.and_then(|value| value.to_str().ok());
    let starts = range.is_some_and(|range| range.starts_with(&format!("bytes {from}-")));
    response.status() == StatusCode::PARTIAL_CONTENT && starts
}

/// The names that commit, hash and size go by; those of the file itself before those of what the answer is.
fn head(headers: &HeaderMap, is_here: bool) -> Result<Head, (&'static str, String)> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let commit = text("x-repo-commit").unwrap_or_default();
    if !is_commit(commit) {
        return Err(("a commit (x-repo-commit)", format!("{commit:?}")));
    }
    let etag = text("x-linked-etag").or_else(|| text("etag"));
    let etag = etag.unwrap_or_default().trim_start_matches("W/");
    let etag = etag.trim_matches('"');
    if file_name(etag).is_err() || etag.starts_with('.') {
        return Err(("a hash of the file (etag)", format!("{etag:?}")));
    }
    let size = text("x-linked-size").or_else(|| text("content-length").filter(|_| is_here));
    let number = |size: &str| {
        let read = size.parse();
        read.map_err(|_| ("a size in bytes (x-linked-size)", format!("{size:?}")))
    };
    Ok(Head {
        commit: commit.to_owned(),
        etag: etag.to_owned(),
        size: size.map(number).transpose()?,
    })
}

/// What was announced against what came: the size, and the hash where it is SHA-256.
fn check(path: &Path, head: &Head) -> Result<Result<(), (String, String)>, HubError> {
    let failed = |source| io_error(path, source);
    let length = fs::metadata(path).map_err(failed)?.len();
    if let Some(size) = head.size.filter(|size| *size != length) {
        return Ok(Err((format!("{size} bytes"), length.to_string())));
    }
    if head.etag.len() != 64 {
        return Ok(Ok(()));
    }
    let found = sha256(path).map_err(failed)?;
    if found == head.etag.to_ascii_lowercase() {
        return Ok(Ok(()));
    }
    Ok(Err((format!("SHA-256 {}", head.etag), found)))
}

pub(crate) fn sha256(path: &Path) -> io::Result<String> {
    let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
    let mut bytes = vec![0; CHUNK];
    loop {
        match file.read(&mut bytes)? {
            0 => break,
            count => hasher.update(&bytes[..count]),
        }
    }
    let halves = hasher.finalize().into_iter();
    let halves = halves.flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(halves
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect())
}
