//! Files in a folder of the user's: what stands in its list, and what is said where one does not come.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod common;

use std::fs;
use std::path::Path;

use idiolect_hub::{FetchedFile, FileWanted, Hub, HubConfig, HubError, Repo, SOURCES};
use idiolect_testkit::hub::{Access, HubServer, Reply, Repository, sha256};

use common::{Told, config, dataset, hub, quiet};

fn wanted<'a>(repo: &'a Repo, from: &'a str, to: &'a str) -> FileWanted<'a> {
    FileWanted {
        repo,
        from,
        to,
        licence: "MIT",
    }
}

fn rows() -> Vec<u8> {
    b"{\"question\": \"q\"}\n".repeat(20)
}

/// A data set with a large file and two parts of another.
fn repository() -> Repository {
    let files: [(&str, &[u8]); 4] = [
        ("README.md", b"rows"),
        ("main/test.jsonl", &rows()),
        ("parts/train-0.jsonl", b"{\"a\": 1}"),
        ("parts/train-1.jsonl", b"{\"a\": 2}"),
    ];
    Repository::new("datasets/owner/rows", &files)
}

fn list(folder: &Path) -> Vec<FetchedFile> {
    serde_json::from_slice(&fs::read(folder.join(SOURCES)).unwrap()).unwrap()
}

fn text(error: &HubError) -> String {
    error.to_string()
}

#[test]
fn files_lie_under_the_users_names_and_the_list_says_what_they_are() {
    let server = HubServer::start(vec![repository()]).unwrap();
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (hub, told) = (hub(&server, cache.path()), Told::default());
    let repo = dataset("owner/rows");
    let all = [
        wanted(&repo, "main/test.jsonl", "gsm8k/test.jsonl"),
        wanted(&repo, "parts/train-*", "corpus"),
    ];
    let told_all = told.take();
    let fetched = all
        .iter()
        .map(|wanted| hub.fetch(wanted, folder.path(), &told_all).unwrap());
    let fetched: Vec<FetchedFile> = fetched.flatten().collect();
    let names: Vec<&str> = fetched.iter().map(|file| &*file.file).collect();
    let expected = [
        "gsm8k/test.jsonl",
        "corpus/train-0.jsonl",
        "corpus/train-1.jsonl",
    ];
    assert_eq!(names, expected);
    let test = folder.path().join("gsm8k/test.jsonl");
    assert_eq!(fs::read(&test).unwrap(), rows());
    assert!(!fs::symlink_metadata(&test).unwrap().is_symlink());
    let commit = repository().commit;
    let first = FetchedFile {
        file: "gsm8k/test.jsonl".into(),
        repository: "owner/rows".into(),
        revision: commit.clone(),
        from: "main/test.jsonl".into(),
        licence: "MIT".into(),
        bytes: rows().len() as u64,
        sha256: sha256(&rows()),
    };
    assert_eq!(fetched[0], first);
    let line = format!("note owner/rows at {commit}, licence MIT: main/test.jsonl, 360 bytes");
    let lines = told.lines();
    assert_eq!(lines[0], line);
    assert_eq!(lines[1], "begin main/test.jsonl 360 0");
    // Again, and one file alone: the list keeps the others, and nothing is downloaded twice.
    let _ = server.take_lines();
    hub.fetch(&all[0], folder.path(), &quiet).unwrap();
    assert!(
        server
            .take_lines()
            .iter()
            .all(|line| !line.contains("/storage/"))
    );
    let files: Vec<String> = list(folder.path())
        .into_iter()
        .map(|file| file.file)
        .collect();
    assert_eq!(files, [expected[1], expected[2], expected[0]]);
}

#[test]
fn a_file_of_the_users_own_stays_and_a_fetched_one_follows_the_branch() {
    let server = HubServer::start(vec![repository()]).unwrap();
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = hub(&server, cache.path());
    let repo = dataset("owner/rows");
    let all = wanted(&repo, "main/test.jsonl", "test.jsonl");
    let own = folder.path().join("test.jsonl");
    fs::write(&own, "mine").unwrap();
    let error = hub.fetch(&all, folder.path(), &quiet).unwrap_err();
    let said = format!(
        "{}: expected no file, or one that was fetched, found another",
        own.display()
    );
    assert_eq!(text(&error), said);
    assert_eq!(fs::read(&own).unwrap(), b"mine");
    fs::remove_file(&own).unwrap();
    hub.fetch(&all, folder.path(), &quiet).unwrap();
    server.replace(Repository::new(
        "datasets/owner/rows",
        &[("main/test.jsonl", b"newer")],
    ));
    let newer = hub.fetch(&all, folder.path(), &quiet).unwrap();
    assert_eq!(fs::read(&own).unwrap(), b"newer");
    assert_ne!(newer[0].revision, repository().commit);
    assert_eq!(list(folder.path()), newer);
}

#[test]
fn what_does_not_come_is_named_and_leaves_no_file() {
    let gated = Repository {
        access: Access::Gated,
        ..Repository::new("datasets/owner/gated", &[("train.jsonl", b"rows")])
    };
    let server = HubServer::with_fault(vec![repository(), gated], |asked, reply| {
        let is_content = asked.method == "GET" && asked.path.starts_with("/storage/");
        let mut body = reply.body.clone();
        if is_content {
            body[0] ^= 1;
        }
        Reply { body, ..reply }
    })
    .unwrap();
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = hub(&server, cache.path());
    let fetch = |name: &str, from: &str| {
        let repo = dataset(name);
        let all = wanted(&repo, from, "rows.jsonl");
        text(&hub.fetch(&all, folder.path(), &quiet).unwrap_err())
    };
    let missing = fetch("owner/rows", "main/train.jsonl");
    let said = "data set owner/rows: the Hub has no file main/train.jsonl (no token was sent, for HF_TOKEN holds none)";
    assert_eq!(missing, said);
    let damaged = fetch("owner/rows", "main/test.jsonl");
    assert!(damaged.contains("expected SHA-256"), "{damaged}");
    let gated = fetch("owner/gated", "train.jsonl");
    assert!(
        gated.starts_with("data set owner/gated is gated"),
        "{gated}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    fs::write(folder.path().join(SOURCES), "{").unwrap();
    let list = fetch("owner/rows", "main/test.jsonl");
    assert!(
        list.contains("sources.json: expected a list of fetched files"),
        "{list}"
    );
}

#[test]
fn without_the_network_the_cache_gives_what_it_has() {
    let server = HubServer::start(vec![repository()]).unwrap();
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let repo = dataset("owner/rows");
    let all = wanted(&repo, "main/test.jsonl", "test.jsonl");
    let online = hub(&server, cache.path());
    let first = online.fetch(&all, folder.path(), &quiet).unwrap();
    let offline = Hub::new(HubConfig {
        offline: true,
        ..config(&server, cache.path())
    });
    let other = tempfile::tempdir().unwrap();
    let _ = server.take_lines();
    assert_eq!(offline.fetch(&all, other.path(), &quiet).unwrap(), first);
    assert!(server.take_lines().is_empty());
    let more = wanted(&repo, "parts/train-*", "corpus");
    let error = text(&offline.fetch(&more, other.path(), &quiet).unwrap_err());
    assert!(
        error.contains("HF_HUB_OFFLINE is set, found none"),
        "{error}"
    );
}
