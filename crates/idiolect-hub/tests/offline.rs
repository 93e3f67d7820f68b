//! Files of the cache, where the Hub is away or is not to be asked.

mod common;

use std::fs;

use idiolect_hub::{Event, Hub, HubConfig};
use idiolect_testkit::hub::HubServer;

use common::{Told, config, dataset, hub, model, quiet, repositories};

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
