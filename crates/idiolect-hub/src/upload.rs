//! Files into a model's repository, in one commit.
//!
//! Each file is announced; the Hub says which of them are large. Those go to the host that it names, whatever it has
//! already is not sent again, and one request then makes the commit. Until that the repository is as it was.
//!
//! Source: `huggingface_hub` 2.4, `hf_api.py` (`create_repo`, `create_commit`), `_commit_api.py` and `lfs.py`.

mod content;
mod large;
mod requests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cache::io_error;
use crate::repo::{Repo, RepoKind};
use crate::told::Event;
use crate::{Hub, HubError};

use content::Content;
use requests::Sender;

/// Files that are announced in one request.
const ANNOUNCED: usize = 256;

/// Files for a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// A model, and the branch that gets the commit. It is made where there is none.
    pub repo: Repo,
    /// Files on this machine by their paths in the repository.
    pub files: BTreeMap<String, PathBuf>,
    /// First line of the commit's message.
    pub message: String,
    /// Whether a repository that is made is private; one that there is stays as it is.
    pub private: bool,
}

/// A commit that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Its 40 digits.
    pub commit: String,
    /// The page of the repository.
    pub page: String,
    /// Files that the repository's own list of ignored files left out.
    pub ignored: Vec<String>,
}

/// The files of a folder by their names, for an upload: those that lie in it themselves and do not begin with a point.
///
/// # Errors
///
/// [`HubError::Io`] for a folder that cannot be read.
pub fn upload_files(folder: &Path) -> Result<BTreeMap<String, PathBuf>, HubError> {
    let mut files = BTreeMap::new();
    let failed = |source| io_error(folder, source);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_file() && !name.starts_with('.') {
            files.insert(name.into_owned(), path);
        }
    }
    Ok(files)
}

impl Hub {
    /// Uploads files in one commit.
    ///
    /// # Errors
    ///
    /// [`HubError::Setting`] without a token, and where the Hub may not be asked; [`HubError::Name`] for the repository
    /// of a data set; [`HubError::Refused`] for an account that may not write there; the others of [`HubError`].
    pub fn upload(&self, upload: &Upload, told: &dyn Fn(Event<'_>)) -> Result<Uploaded, HubError> {
        let sender = Sender::new(&self.remote.config)?;
        let repo = &upload.repo;
        if repo.kind() != RepoKind::Model {
            return Err(HubError::Name {
                found: repo.to_string(),
                expected: "a model",
            });
        }
        let contents = upload
            .files
            .iter()
            .map(|(name, path)| Content::read(name, path))
            .collect::<Result<Vec<_>, _>>()?;
        sender.create(repo, upload.private)?;
        let announced = announce(&sender, repo, &contents)?;
        let large = contents
            .iter()
            .filter(|own| announced.get(&own.name) == Some(&Way::Large));
        large::send(&sender, repo, &large.collect::<Vec<_>>(), told)?;
        let commit = commit(&sender, upload, &contents, &announced)?;
        let is_ignored = |(_, way): &(&String, &Way)| **way == Way::Ignored;
        Ok(Uploaded {
            commit,
            page: repo.page(&self.remote.config.endpoint),
            ignored: announced
                .iter()
                .filter(is_ignored)
                .map(|(name, _)| name.clone())
                .collect(),
        })
    }
}

/// How a file goes into a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// In the commit.
    Within,
    /// To the host of large files.
    Large,
    /// Not at all: the repository ignores it.
    Ignored,
}

/// How each file goes, as the Hub says.
fn announce(
    sender: &Sender,
    repo: &Repo,
    contents: &[Content],
) -> Result<BTreeMap<String, Way>, HubError> {
    let url = repo.preupload_url(&sender.remote.config.endpoint);
    let mut ways = BTreeMap::new();
    for part in contents.chunks(ANNOUNCED) {
        let file = |own: &Content| json!({"path": own.name, "sample": STANDARD.encode(&own.sample), "size": own.size});
        let body = json!({"files": part.iter().map(file).collect::<Vec<_>>()});
        let answer = sender.json(&url, repo, &body)?;
        for file in answer["files"].as_array().into_iter().flatten() {
            let way = match (file["shouldIgnore"].as_bool(), file["uploadMode"].as_str()) {
                (Some(true), _) => Way::Ignored,
                (_, Some("lfs")) => Way::Large,
                (_, Some("regular")) => Way::Within,
                _ => continue,
            };
            ways.insert(file["path"].as_str().unwrap_or_default().to_owned(), way);
        }
    }
    match contents.iter().find(|own| !ways.contains_key(&own.name)) {
        None => Ok(ways),
        Some(left) => {
            let expected = format!("regular or lfs for {}", left.name);
            Err(sender.damaged(&url, &expected, "neither"))
        }
    }
}

/// Makes the commit: a line for its message, and one for each file.
fn commit(
    sender: &Sender,
    upload: &Upload,
    contents: &[Content],
    ways: &BTreeMap<String, Way>,
) -> Result<String, HubError> {
    let header = json!({"key": "header", "value": {"summary": upload.message, "description": ""}});
    let mut lines = format!("{header}\n");
    for own in contents {
        let line = match ways.get(&own.name) {
            Some(Way::Within) => {
                let bytes = std::fs::read(&own.path);
                let bytes = bytes.map_err(|source| io_error(&own.path, source))?;
                let content = STANDARD.encode(bytes);
                json!({"key": "file", "value": {"content": content, "path": own.name, "encoding": "base64"}})
            }
            Some(Way::Large) => json!({
                "key": "lfsFile",
                "value": {"path": own.name, "algo": "sha256", "oid": own.sha256, "size": own.size},
            }),
            _ => continue,
        };
        lines += &line.to_string();
        lines.push('\n');
    }
    let url = upload.repo.commit_url(&sender.remote.config.endpoint);
    let answer: Value = sender.lines(&url, &upload.repo, &lines)?;
    match answer["commitOid"].as_str() {
        Some(commit) => Ok(commit.to_owned()),
        None => Err(sender.damaged(&url, "the number of the commit", "none")),
    }
}
