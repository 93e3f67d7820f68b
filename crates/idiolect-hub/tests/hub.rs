//! Files of a Hub on loopback: what is asked, what is kept, and what is said where there is nothing.

mod common;

use std::fs;

use idiolect_hub::{Event, Hub, HubConfig, HubError, Repo, RepoKind};
use idiolect_testkit::hub::{HubServer, Repository};

use common::{Told, big, config, dataset, hub, is_rows, model, quiet};

fn repositories() -> Vec<Repository> {
    let model = Repository {
        revisions: vec!["main".into(), "v1".into(), "refs/pr/1".into()],
        ..Repository::new(
            "models/owner/name",
            &[
                ("config.json", b"{}"),
                ("sub folder/a.txt", b"a"),
                ("model.safetensors", &big()),
            ],
        )
    };
    let rows: [(&str, &[u8]); 3] = [
        ("README.md", b"rows"),
        ("data/train-0.jsonl", b"{\"a\": 1}"),
        ("data/train-1.jsonl", b"{\"a\": 2}"),
    ];
    vec![model, Repository::new("datasets/owner/rows", &rows)]
}

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
        let (pinned, path) = (found.repo, found.path);
        assert_eq!(fs::read(&path).unwrap(), b"a");
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
fn what_is_here_stands_in_where_the_hub_is_away() {
    let (server, cache) = (
        HubServer::start(repositories()).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let path = hub(&server, cache.path())
        .file(&model("owner/name"), "config.json", &quiet)
        .unwrap();
    let away = Hub::new(HubConfig {
        endpoint: "http://127.0.0.1:9".into(),
        ..config(&server, cache.path())
    });
    let told = Told::default();
    assert_eq!(
        away.file(&model("owner/name"), "config.json", &told.take())
            .unwrap(),
        path
    );
    let note = &told.lines()[0];
    assert!(
        note.starts_with("note the copy in the cache is used, for the Hub gave nothing: "),
        "{note}"
    );
    let error = away
        .file(&model("owner/other"), "config.json", &quiet)
        .unwrap_err()
        .to_string();
    let begin = "http://127.0.0.1:9/owner/other/resolve/main/config.json: expected an answer, found no connection: ";
    assert!(
        error.starts_with(begin) && error.ends_with("(3 attempts)"),
        "{error}"
    );
}

#[test]
fn offline_nothing_is_asked_for() {
    let (server, cache) = (
        HubServer::start(repositories()).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let online = hub(&server, cache.path());
    let path = online
        .file(&model("owner/name"), "config.json", &quiet)
        .unwrap();
    let _ = server.take_lines();
    let offline = Hub::new(HubConfig {
        offline: true,
        ..config(&server, cache.path())
    });
    assert_eq!(
        offline
            .file(&model("owner/name"), "config.json", &quiet)
            .unwrap(),
        path
    );
    let error = offline
        .file(&model("owner/name"), "model.safetensors", &quiet)
        .unwrap_err();
    let expected = format!(
        "model owner/name: expected model.safetensors in the cache {}, for HF_HUB_OFFLINE is set, found none",
        cache.path().display()
    );
    assert_eq!(error.to_string(), expected);
    assert!(server.take_lines().is_empty());
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

#[test]
fn a_cache_without_links_and_lists_is_read_as_it_is() {
    let (server, cache) = (
        HubServer::start(Vec::new()).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let folder = cache.path().join("datasets--owner--rows");
    fs::create_dir_all(folder.join("refs")).unwrap();
    fs::create_dir_all(folder.join("snapshots").join(commit).join("data")).unwrap();
    fs::write(folder.join("refs/main"), commit).unwrap();
    let file = folder.join("snapshots").join(commit).join("data/a.jsonl");
    fs::write(&file, "{}").unwrap();
    let hub = Hub::new(HubConfig {
        offline: true,
        ..config(&server, cache.path())
    });
    let found = hub
        .files(&dataset("owner/rows"), &|_| true, &|_: Event<'_>| {})
        .unwrap();
    assert_eq!(found.files.into_values().collect::<Vec<_>>(), [file]);
}
