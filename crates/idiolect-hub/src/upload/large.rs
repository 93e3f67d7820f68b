//! Large files to the host that the Hub names for them, by the basic transfer of Git LFS: one request a file, which
//! takes up to 5 GB.
//!
//! Source: Git LFS, `docs/api/batch.md` and `docs/api/basic-transfers.md`.

use std::fs::File;
use std::io::{self, Read};

use idiolect_http::SendBody;
use serde_json::{Value, json};

use super::content::Content;
use super::requests::Sender;
use crate::HubError;
use crate::cache::io_error;
use crate::repo::Repo;
use crate::told::Event;

/// Sends what the Hub does not have yet.
pub(super) fn send(
    sender: &Sender,
    repo: &Repo,
    contents: &[&Content],
    told: &dyn Fn(Event<'_>),
) -> Result<(), HubError> {
    if contents.is_empty() {
        return Ok(());
    }
    let url = repo.batch_url(&sender.remote.config.endpoint);
    let object = |own: &&Content| json!({"oid": own.sha256, "size": own.size});
    let body = json!({
        "operation": "upload", "transfers": ["basic"], "hash_algo": "sha256",
        "objects": contents.iter().map(object).collect::<Vec<_>>(), "ref": {"name": repo.revision()},
    });
    let answer = sender.batch(&url, repo, &body)?;
    let objects = answer["objects"].as_array().cloned().unwrap_or_default();
    for own in contents {
        let found = objects
            .iter()
            .find(|found| found["oid"] == own.sha256.as_str());
        let Some(found) = found else {
            let expected = format!("a place for {}", own.name);
            return Err(sender.damaged(&url, &expected, "none"));
        };
        if let Some(message) = found["error"]["message"].as_str() {
            let expected = format!("a place for {}", own.name);
            return Err(sender.damaged(&url, &expected, message));
        }
        if let Some(actions) = found["actions"].as_object() {
            let upload = actions.get("upload").unwrap_or(&Value::Null);
            let verify = actions.get("verify");
            one(sender, repo, own, upload, told)?;
            verify.map_or(Ok(()), |action| verified(sender, repo, own, action))?;
        }
    }
    Ok(())
}

/// Sends one file; an attempt that breaks off begins anew.
fn one(
    sender: &Sender,
    repo: &Repo,
    own: &Content,
    action: &Value,
    told: &dyn Fn(Event<'_>),
) -> Result<(), HubError> {
    let href = action["href"].as_str().unwrap_or_default();
    if !action["header"]["chunk_size"].is_null() {
        let expected = format!("one request for {} ({} bytes)", own.name, own.size);
        return Err(sender.damaged(href, &expected, "several"));
    }
    let remote = &sender.remote;
    remote.tried(href, remote.config.attempts, || {
        told(Event::Begin {
            file: &own.name,
            bytes: own.size,
            had: 0,
        });
        let file = File::open(&own.path).map_err(|source| {
            let error = io_error(&own.path, source);
            crate::remote::Failure::Final(Box::new(error))
        })?;
        let mut counted = Counted { file, told };
        let sent = sender.put(href, repo, own.size, SendBody::from_reader(&mut counted));
        told(Event::End);
        sent
    })
}

/// Has the Hub look whether the file came.
fn verified(sender: &Sender, repo: &Repo, own: &Content, action: &Value) -> Result<(), HubError> {
    let href = action["href"].as_str().unwrap_or_default();
    let body = json!({"oid": own.sha256, "size": own.size});
    sender.told(href, repo, &body)
}

/// A file that tells how far it is read.
struct Counted<'a> {
    file: File,
    told: &'a dyn Fn(Event<'_>),
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        (self.told)(Event::Advance(read as u64));
        Ok(read)
    }
}
