//! Files of a Hub on loopback: what is asked, what is kept, and what is said where there is nothing.

mod common;

use std::fs;

use idiolect_hub::{Hub, HubConfig, HubError, Repo, RepoKind};
use idiolect_testkit::hub::{HubServer, Repository};

use common::{Told, big, config, dataset, hub, is_rows, model, quiet, repositories};

#[test]
fn a_file_is_downloaded_once_and_lies_as_pythons_client_has_it() {
    let (server, cache) = (
        HubServer::start(repositories()).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let hub = hub(&server, cache.path());
    let told = Told::default();
    let path = hub
        .file(&model("owner/name"), "model.safetensors", &told.take())
        .unwrap();
    assert_eq!(fs::read(&path).unwrap(), big());
    let size = big().len();
    assert_eq!(told.lines()[0], format!("begin model.safetensors {size} 0"));
    assert_eq!(told.advanced(), size as u64);
    let lines = server.take_lines();
    assert_eq!(lines[0], "HEAD /owner/name/resolve/main/model.safetensors");
    assert!(lines[2].starts_with("GET /storage/"), "{lines:?}");
    let folder = cache.path().join("models--owner--name");
    let commit = fs::read_to_string(folder.join("refs/main")).unwrap();
    assert_eq!(
        path,
        folder
            .join("snapshots")
            .join(&commit)
            .join("model.safetensors")
    );
    let blob = folder
        .join("blobs")
        .join(idiolect_testkit::hub::sha256(&big()));
    assert_eq!(
        fs::canonicalize(&path).unwrap(),
        fs::canonicalize(blob).unwrap()
    );
    assert!(fs::read_link(&path).unwrap().starts_with("../../blobs"));
    // The branch is looked up, and its file is here.
    assert_eq!(
        hub.file(&model("owner/name"), "model.safetensors", &quiet)
            .unwrap(),
        path
    );
    assert_eq!(
        server.take_lines(),
        ["HEAD /owner/name/resolve/main/model.safetensors"]
    );
    // A commit is never looked up again.
    let pinned = model("owner/name").at(&commit);
    assert_eq!(
        hub.file(&pinned, "model.safetensors", &quiet).unwrap(),
        path
    );
    assert!(server.take_lines().is_empty());
}

#[test]
fn revisions_and_folders_in_a_repository() {
    let (server, cache) = (
        HubServer::start(repositories()).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let hub = hub(&server, cache.path());
    for revision in ["v1", "refs/pr/1"] {
        let repo = Repo::new(RepoKind::Model, "owner/name", Some(revision)).unwrap();
        let found = hub.pinned(&repo, "sub folder/a.txt", &quiet).unwrap();
        assert_eq!(found.text().unwrap(), "a");
        let (pinned, path) = (found.repo, found.path);
        assert_eq!(pinned.revision().len(), 40);
        assert!(fs::read_link(&path).unwrap().starts_with("../../../blobs"));
        let kept = cache.path().join("models--owner--name/refs").join(revision);
        assert_eq!(fs::read_to_string(kept).unwrap(), pinned.revision());
    }
    // What a commit lacks is asked for once.
    let pinned = hub
        .pinned(&model("owner/name"), "config.json", &quiet)
        .unwrap()
        .repo;
    for asked in [1, 0] {
        let _ = server.take_lines();
        let missing = hub.file(&pinned, "no.json", &quiet).unwrap_err();
        assert!(missing.is_missing_file(), "{missing}");
        assert_eq!(server.take_lines().len(), asked);
    }
    let none = Repo::new(RepoKind::Model, "owner/name", Some("v9")).unwrap();
    let error = hub
        .file(&none, "config.json", &quiet)
        .unwrap_err()
        .to_string();
    let expected = "model owner/name@v9: the Hub has no such revision (no token was sent, for HF_TOKEN holds none)";
    assert_eq!(error, expected);
}

#[test]
fn a_branch_that_moves_is_followed_and_the_older_commit_stays() {
    let (server, cache) = (
        HubServer::start(repositories()).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let hub = hub(&server, cache.path());
    let before = hub
        .file(&model("owner/name"), "config.json", &quiet)
        .unwrap();
    server.replace(Repository::new(
        "models/owner/name",
        &[("config.json", b"{\"a\": 1}")],
    ));
    let after = hub
        .file(&model("owner/name"), "config.json", &quiet)
        .unwrap();
    assert_eq!(fs::read(after).unwrap(), b"{\"a\": 1}");
    assert_eq!(fs::read(before).unwrap(), b"{}");
}

#[test]
fn files_of_a_data_set_are_found_by_their_names() {
    let (server, cache) = (
        HubServer::start(repositories()).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let hub = hub(&server, cache.path());
    let repo = dataset("owner/rows");
    let found = hub.files(&repo, &is_rows, &quiet).unwrap();
    let names: Vec<_> = found.files.keys().map(String::as_str).collect();
    assert_eq!(names, ["data/train-0.jsonl", "data/train-1.jsonl"]);
    assert_eq!(
        fs::read(&found.files["data/train-1.jsonl"]).unwrap(),
        b"{\"a\": 2}"
    );
    assert_eq!(
        found.folder.join("data/train-0.jsonl"),
        found.files["data/train-0.jsonl"]
    );
    // Three files are on two pages.
    let trees = |lines: Vec<String>| lines.iter().filter(|line| line.contains("/tree/")).count();
    assert_eq!(trees(server.take_lines()), 2);
    assert_eq!(hub.files(&repo, &is_rows, &quiet).unwrap(), found);
    assert_eq!(
        server.take_lines(),
        ["GET /api/datasets/owner/rows/revision/main"]
    );
    let none = hub
        .files(&repo, &|path| path == "a.csv", &quiet)
        .unwrap_err();
    assert!(none.is_missing_file(), "{none}");
    // The list is the Hub's, not that of the files that are here.
    let offline = Hub::new(HubConfig {
        offline: true,
        ..config(&server, cache.path())
    });
    assert_eq!(offline.files(&repo, &is_rows, &quiet).unwrap(), found);
    let error = offline
        .files(&repo, &|path| path == "README.md", &quiet)
        .unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("expected README.md in the cache"),
        "{error}"
    );
}

#[test]
fn names_are_checked_before_anything_is_asked() {
    let (server, cache) = (
        HubServer::start(repositories()).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let hub = hub(&server, cache.path());
    for file in [
        "../config.json",
        "/etc/passwd",
        "a/../b",
        "a//b",
        "",
        "a\u{1b}b",
        "a\\b",
    ] {
        let error = hub.file(&model("owner/name"), file, &quiet).unwrap_err();
        assert!(matches!(error, HubError::Name { .. }), "{file}: {error}");
    }
    assert!(server.take_lines().is_empty());
}

#[test]
fn a_renamed_repository_is_followed() {
    let (server, cache) = (
        HubServer::start(repositories()).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let path = hub(&server, cache.path())
        .file(&model("old/name"), "config.json", &quiet)
        .unwrap();
    assert!(path.starts_with(cache.path().join("models--old--name")));
    assert_eq!(fs::read(path).unwrap(), b"{}");
}
