//! What the Hub says of a repository, what it sends, and what the cache keeps of it.

use std::path::Path;
use std::time::Duration;

use idiolect::BoxError;
use idiolect::hub::{Hub, HubConfig, Repo, RepoKind};

use crate::good::hub::HUB_FILE;
use crate::reading::{Reader, any, same};
use crate::server::during;

pub(super) const READERS: [Reader; 7] = [
    any("hub", "hub/tree.json", listed),
    any("hub", "hub/revision.json", listed),
    same("hub", "hub/head.txt", fetched),
    same("hub", "hub/redirect.txt", fetched),
    same("hub", "hub/content.bin", fetched),
    any("hub", "hub/cache/models--owner--name/refs/main", cached),
    any(
        "hub",
        "hub/cache/models--owner--name/trees/0123456789abcdef0123456789abcdef01234567.json",
        cached,
    ),
];

fn repo() -> Result<Repo, BoxError> {
    Ok(Repo::new(RepoKind::Model, "owner/name", None)?)
}

fn config(root: &Path, endpoint: &str) -> HubConfig {
    HubConfig {
        endpoint: endpoint.to_owned(),
        attempts: 2,
        first_wait: Duration::from_millis(1),
        timeout: Duration::from_millis(300),
        ..HubConfig::new(root.join("hub/new/cache"))
    }
}

/// An answer of this body.
fn plain(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn listed(root: &Path, _: &str) -> Result<String, BoxError> {
    let read = |name: &str| std::fs::read(root.join("hub").join(name));
    let (tree, revision) = (plain(&read("tree.json")?), plain(&read("revision.json")?));
    let answer = |asked: &str| {
        if asked.contains("/tree/") {
            &tree
        } else {
            &revision
        }
        .clone()
    };
    during(answer, |address| {
        let listing = Hub::new(config(root, address)).list(&repo()?, &|_| {})?;
        Ok(format!("{listing:?}"))
    })
}

/// A file whose head, redirection and content the server sends as they stand in files.
fn fetched(root: &Path, _: &str) -> Result<String, BoxError> {
    let read = |name: &str| std::fs::read(root.join("hub").join(name));
    let (head, redirect) = (read("head.txt")?, read("redirect.txt")?);
    let content = plain(&read("content.bin")?);
    let answer = |asked: &str| match asked {
        asked if asked.starts_with("HEAD") => [&head[..], b"Connection: close\r\n\r\n"].concat(),
        asked if asked.contains("/resolve/") => {
            [&redirect[..], b"Connection: close\r\n\r\n"].concat()
        }
        _ => content.clone(),
    };
    let found = during(answer, |address| {
        let path = Hub::new(config(root, address)).file(&repo()?, HUB_FILE, &|_| {})?;
        Ok(format!("{:?}", std::fs::read(path)?))
    });
    let new = root.join("hub/new");
    let beside = std::fs::read_dir(&new).into_iter().flatten().flatten();
    let beside: Vec<_> = beside.map(|entry| entry.file_name()).collect();
    assert!(
        beside.iter().all(|name| name == "cache"),
        "written beside the cache: {beside:?}"
    );
    found
}

/// The list and a file that an earlier call has left, without the Hub.
fn cached(root: &Path, _: &str) -> Result<String, BoxError> {
    let hub = Hub::new(HubConfig {
        offline: true,
        ..HubConfig::new(root.join("hub/cache"))
    });
    let listing = hub.list(&repo()?, &|_| {})?;
    let file = hub.file(&repo()?, HUB_FILE, &|_| {})?;
    Ok(format!("{listing:?} {:?}", std::fs::read(file)?))
}
