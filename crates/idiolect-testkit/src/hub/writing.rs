//! What the Hub says to those who write: repositories that are made, files that are announced and sent, commits.
//!
//! As `huggingface_hub` 2.4 asks (`hf_api.py`, `_commit_api.py`, `lfs.py`), and as it reads the answers.

use std::sync::PoisonError;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::message::{Asked, Reply};
use super::repository::{Access, GOOD_TOKEN, Repository, sha256};
use super::state::State;

/// The answer to a request that writes; none to another.
pub(super) fn written(state: &State, asked: &Asked, parts: &[&str]) -> Option<Reply> {
    match (asked.method.as_str(), parts) {
        ("PUT", ["storage", "upload", hash]) => return Some(stored(state, asked, hash)),
        ("POST", _) => {}
        _ => return None,
    }
    if asked.token() != Some(GOOD_TOKEN) {
        let message = "You don't have the rights to create or write here";
        return Some(Reply::refused(403, "", message));
    }
    Some(match parts {
        ["api", "repos", "create"] => created(state, asked),
        // The head of a card, which nothing here reads.
        ["api", "validate-yaml"] => answer(&json!({"errors": [], "warnings": []})),
        ["api", "models", owner, name, "preupload", _] => {
            of(state, owner, name, |own| announced(own, asked))
        }
        [owner, name, "info", "lfs", "objects", "batch"] => {
            let name = name.trim_end_matches(".git");
            of(state, owner, name, |own| places(state, own, asked))
        }
        ["api", "verify"] => verified(state, asked),
        ["api", "models", owner, name, "commit", _] => {
            of(state, owner, name, |own| committed(state, own, asked))
        }
        _ => Reply::new(404, b"no such interface"),
    })
}

fn body(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).unwrap_or_default()
}

fn answer(value: &Value) -> Reply {
    Reply::new(200, value.to_string().as_bytes()).with("Content-Type", "application/json")
}

fn of(
    state: &State,
    owner: &str,
    name: &str,
    then: impl FnOnce(&mut Repository) -> Reply,
) -> Reply {
    let all = state.repositories.lock();
    let mut all = all.unwrap_or_else(PoisonError::into_inner);
    let place = format!("models/{owner}/{name}");
    match all.iter_mut().find(|own| own.place == place) {
        Some(own) => then(own),
        None => Reply::refused(404, "RepoNotFound", "Repository not found"),
    }
}

fn created(state: &State, asked: &Asked) -> Reply {
    let body = body(asked);
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (owner, name) = (text("organization"), text("name"));
    let place = format!("models/{owner}/{name}");
    let all = state.repositories.lock();
    let mut all = all.unwrap_or_else(PoisonError::into_inner);
    let url = format!("{}/{owner}/{name}", state.url);
    let told = json!({"url": url, "name": format!("{owner}/{name}"), "id": "1"});
    if all.iter().any(|own| own.place == place) {
        return Reply {
            status: 409,
            ..answer(&told)
        };
    }
    let is_private = body["private"] == true || body["visibility"] == "private";
    all.push(Repository {
        access: if is_private {
            Access::Private
        } else {
            Access::Public
        },
        ..Repository::new(&place, &[])
    });
    answer(&told)
}

/// Large files go elsewhere, and what a list of ignored files names nowhere.
fn announced(own: &Repository, asked: &Asked) -> Reply {
    let told = |file: &Value| {
        let size = file["size"].as_u64().unwrap_or(0);
        let is_large = usize::try_from(size).unwrap_or(usize::MAX) > own.large;
        let path = file["path"].as_str().unwrap_or_default();
        json!({
            "path": path, "uploadMode": if is_large { "lfs" } else { "regular" },
            "shouldIgnore": path.ends_with(".ignored"), "oid": null,
        })
    };
    let body = body(asked);
    let files = body["files"].as_array().into_iter().flatten().map(told);
    answer(&json!({"files": files.collect::<Vec<_>>()}))
}

/// An address for each large file that is not here.
fn places(state: &State, own: &Repository, asked: &Asked) -> Reply {
    let large = state.large.lock().unwrap_or_else(PoisonError::into_inner);
    let body = body(asked);
    let place = |object: &Value| {
        let hash = object["oid"].as_str().unwrap_or_default();
        let is_here = own.files.values().any(|content| sha256(content) == hash);
        let mut told = json!({"oid": hash, "size": object["size"]});
        if !is_here && !large.contains_key(hash) {
            let upload = format!(
                "{}/storage/upload/{hash}?Signature=of-the-address",
                state.storage
            );
            let verify = format!("{}/api/verify", state.url);
            told["actions"] = json!({"upload": {"href": upload}, "verify": {"href": verify}});
        }
        told
    };
    let objects = body["objects"].as_array().into_iter().flatten().map(place);
    answer(&json!({"transfer": "basic", "objects": objects.collect::<Vec<_>>()}))
}

/// The host of large files knows no accounts, only signed addresses, and takes what has the hash.
fn stored(state: &State, asked: &Asked, hash: &str) -> Reply {
    if asked.token().is_some() {
        return Reply::new(400, b"only one authentication is allowed");
    }
    if sha256(&asked.body) != hash {
        return Reply::new(400, b"another content");
    }
    let mut large = state.large.lock().unwrap_or_else(PoisonError::into_inner);
    large.insert(hash.to_owned(), asked.body.clone());
    Reply::new(200, b"")
}

fn verified(state: &State, asked: &Asked) -> Reply {
    let large = state.large.lock().unwrap_or_else(PoisonError::into_inner);
    let body = body(asked);
    let found = large.get(body["oid"].as_str().unwrap_or_default());
    let size = body["size"].as_u64().unwrap_or(0);
    if found.is_some_and(|content| content.len() as u64 == size) {
        Reply::new(200, b"{}")
    } else {
        Reply::refused(404, "", "the file did not come")
    }
}

fn committed(state: &State, own: &mut Repository, asked: &Asked) -> Reply {
    let large = state.large.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&asked.body).into_owned();
    let mut files = own.files.clone();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        let value = &line["value"];
        let path = value["path"].as_str().unwrap_or_default().to_owned();
        let content = match line["key"].as_str() {
            Some("header") => continue,
            Some("file") => STANDARD
                .decode(value["content"].as_str().unwrap_or_default())
                .ok(),
            Some("lfsFile") => large
                .get(value["oid"].as_str().unwrap_or_default())
                .cloned(),
            _ => None,
        };
        let Some(content) = content else {
            return Reply::refused(400, "", &format!("{path} did not come"));
        };
        files.insert(path, content);
    }
    let commit = sha256(format!("{} {files:?}", own.place).as_bytes());
    commit[..40].clone_into(&mut own.commit);
    own.files = files;
    let url = format!("{}/{}/commit/{}", state.url, own.place, own.commit);
    answer(&json!({"success": true, "commitOid": own.commit, "commitUrl": url, "hookOutput": ""}))
}
