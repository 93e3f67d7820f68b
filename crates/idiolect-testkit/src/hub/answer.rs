//! What the Hub says to a request.

use std::sync::PoisonError;

use serde_json::{Value, json};

use super::message::{Asked, Reply};
use super::repository::{Access, GOOD_TOKEN, POOR_TOKEN, Repository, sha256};
use super::state::State;
use super::writing::written;

/// Files on a page of a list, few enough that lists of tests have several.
const PAGE: usize = 2;

pub(super) fn answer(state: &State, asked: &Asked) -> Reply {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if let Some(reply) = written(state, asked, &parts) {
        return reply;
    }
    match parts.as_slice() {
        ["storage", hash] => stored(state, asked, hash),
        ["api", kind, owner, name, rest @ ..] => in_repository(
            state,
            asked,
            &[kind, owner, name],
            |repository| match rest {
                ["revision", revision] => at(repository, revision, || told(repository)),
                ["tree", revision] => at(repository, revision, || {
                    tree(state, repository, path, query)
                }),
                [] => told(repository),
                _ => Reply::new(404, b"no such interface"),
            },
        ),
        ["datasets", owner, name, "resolve", revision, file @ ..] => {
            in_repository(state, asked, &["datasets", owner, name], |repository| {
                at(repository, revision, || {
                    resolved(state, asked, repository, &file.join("/"))
                })
            })
        }
        // A repository that was renamed.
        ["old", name, rest @ ..] => {
            let new = format!("/owner/{name}/{}", rest.join("/"));
            Reply::new(307, b"").with("Location", &new)
        }
        [owner, name, "resolve", revision, file @ ..] => {
            in_repository(state, asked, &["models", owner, name], |repository| {
                at(repository, revision, || {
                    resolved(state, asked, repository, &file.join("/"))
                })
            })
        }
        _ => Reply::new(404, b"no such page"),
    }
}

fn in_repository(
    state: &State,
    asked: &Asked,
    place: &[&str],
    found: impl Fn(&Repository) -> Reply,
) -> Reply {
    let token = asked.token();
    if token.is_some_and(|token| ![GOOD_TOKEN, POOR_TOKEN].contains(&token)) {
        return Reply::refused(401, "", "Invalid credentials in Authorization header");
    }
    let all = state.repositories.lock();
    let all = all.unwrap_or_else(PoisonError::into_inner);
    let repository = all.iter().find(|found| found.place == place.join("/"));
    let may_read = token == Some(GOOD_TOKEN);
    match repository {
        Some(repository) if repository.access == Access::Gated && !may_read => {
            let message = "Access to this repository is restricted.";
            Reply::refused(
                if token.is_none() { 401 } else { 403 },
                "GatedRepo",
                message,
            )
        }
        Some(repository) if repository.access == Access::Public || may_read => found(repository),
        _ => {
            let status = if token.is_none() { 401 } else { 404 };
            Reply::refused(status, "RepoNotFound", "Repository not found")
        }
    }
}

fn at(repository: &Repository, revision: &str, found: impl Fn() -> Reply) -> Reply {
    let revision = revision.replace("%2F", "/");
    if revision == repository.commit || repository.revisions.contains(&revision) {
        return found();
    }
    let message = format!("Invalid rev id: {revision}");
    Reply::refused(404, "RevisionNotFound", &message)
}

fn told(repository: &Repository) -> Reply {
    let files = repository.files.keys();
    let files: Vec<Value> = files.map(|path| json!({"rfilename": path})).collect();
    let id = repository.place.split_once('/').map_or("", |(_, id)| id);
    let told = json!({
        "id": id, "sha": repository.commit, "private": false, "gated": false, "tags": [], "downloads": 0,
        "likes": 0, "siblings": files,
    });
    Reply::new(200, told.to_string().as_bytes()).with("Content-Type", "application/json")
}

fn tree(state: &State, repository: &Repository, path: &str, query: &str) -> Reply {
    let from = query
        .split('&')
        .find_map(|part| part.strip_prefix("cursor="));
    let from: usize = from.and_then(|from| from.parse().ok()).unwrap_or(0);
    let mut page: Vec<Value> = Vec::new();
    for (file, content) in repository.files.iter().skip(from).take(PAGE) {
        let (etag, size) = (repository.etag(content), content.len());
        let mut entry = json!({"type": "file", "path": file, "size": size, "oid": &etag[..40]});
        if etag.len() == 64 {
            entry["lfs"] = json!({"oid": etag, "size": size, "pointerSize": 133});
        }
        page.push(entry);
    }
    if from == 0 {
        page.push(json!({"type": "directory", "path": "folder", "oid": "0", "size": 0}));
    }
    let reply = Reply::new(200, Value::from(page).to_string().as_bytes());
    let reply = reply.with("Content-Type", "application/json");
    if from + PAGE >= repository.files.len() {
        return reply;
    }
    let next = format!("{}{path}?recursive=true&cursor={}", state.url, from + PAGE);
    reply.with("Link", &format!("<{next}>; rel=\"next\""))
}

fn resolved(state: &State, asked: &Asked, repository: &Repository, file: &str) -> Reply {
    let file = file.replace("%20", " ");
    let Some(content) = repository.files.get(&file) else {
        let reply = Reply::refused(404, "EntryNotFound", "Entry not found");
        return reply.with("X-Repo-Commit", &repository.commit);
    };
    let etag = repository.etag(content);
    if etag.len() == 64 {
        let address = format!("{}/storage/{etag}?Signature=of-the-address", state.storage);
        return Reply::new(302, b"")
            .with("Location", &address)
            .with("X-Repo-Commit", &repository.commit)
            .with("X-Linked-Size", &content.len().to_string())
            .with("X-Linked-Etag", &format!("\"{etag}\""))
            .with("ETag", "\"of-the-redirection\"");
    }
    part(asked, content)
        .with("X-Repo-Commit", &repository.commit)
        .with("ETag", &format!("W/\"{etag}\""))
}

/// The host of large files knows no accounts, only signed addresses.
fn stored(state: &State, asked: &Asked, hash: &str) -> Reply {
    if asked.token().is_some() {
        return Reply::new(400, b"only one authentication is allowed");
    }
    let all = state.repositories.lock();
    let all = all.unwrap_or_else(PoisonError::into_inner);
    let mut contents = all.iter().flat_map(|repository| repository.files.values());
    match contents.find(|content| sha256(content) == hash) {
        Some(content) => part(asked, content).with("ETag", "\"of-the-storage\""),
        None => Reply::new(403, b"no such signature"),
    }
}

fn part(asked: &Asked, content: &[u8]) -> Reply {
    let length = content.len();
    match asked.from() {
        None => Reply::new(200, content),
        Some(from) if from >= length => {
            Reply::new(416, b"").with("Content-Range", &format!("bytes */{length}"))
        }
        Some(from) => Reply::new(206, &content[from..]).with(
            "Content-Range",
            &format!("bytes {from}-{}/{length}", length - 1),
        ),
    }
}
