//! Files that go into a repository.

#![allow(clippy::unwrap_used, reason = "a test's own server")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use idiolect_http::Secret;
use idiolect_hub::{Hub, HubConfig, HubError, Token, Upload, upload_files};
use idiolect_testkit::hub::{Access, GOOD_TOKEN, HubServer, POOR_TOKEN, Reply, Repository};

use common::{Told, big, config, dataset, model, quiet};

/// A folder with a large file, small ones, and one that is not for others.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("adapter_model.safetensors", &big());
    write("adapter_config.json", b"{}");
    write("README.md", "# A card: ä\n".as_bytes());
    write(".hidden", b"x");
    fs::create_dir(folder.path().join("sub")).unwrap();
    folder
}

fn upload(folder: &Path, name: &str) -> Upload {
    Upload {
        repo: model(name),
        files: upload_files(folder).unwrap(),
        message: "Upload".into(),
        private: false,
    }
}

fn hub(server: &HubServer, cache: &Path, token: &str) -> Hub {
    let token = Token {
        secret: Secret::new(token).unwrap(),
        source: "HF_TOKEN".into(),
    };
    Hub::new(HubConfig {
        token: Some(token),
        ..config(server, cache)
    })
}

fn contents(repository: &Repository) -> BTreeMap<&str, usize> {
    let files = repository.files.iter();
    files
        .map(|(path, bytes)| (path.as_str(), bytes.len()))
        .collect()
}

#[test]
fn a_folder_becomes_a_commit_of_a_new_repository() {
    let (server, cache) = (
        HubServer::start(Vec::new()).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let (own, told) = (folder(), Told::default());
    let hub = hub(&server, cache.path(), GOOD_TOKEN);
    let asked = upload(own.path(), "owner/new");
    let done = hub.upload(&asked, &told.take()).unwrap();
    let found = server.repository("models/owner/new").unwrap();
    assert_eq!(done.commit, found.commit);
    assert_eq!(done.page, format!("{}/owner/new", server.url));
    assert_eq!((found.access, done.ignored.len()), (Access::Public, 0));
    for (name, path) in &asked.files {
        assert_eq!(found.files[name], fs::read(path).unwrap(), "{name}");
    }
    assert_eq!(contents(&found).len(), 3);
    let size = big().len();
    assert_eq!(
        told.lines(),
        [
            format!("begin adapter_model.safetensors {size} 0"),
            "end".into()
        ]
    );
    assert_eq!(told.advanced(), size as u64);
    let all = server.asked();
    let lines: Vec<String> = all
        .iter()
        .map(|asked| format!("{} {}", asked.method, asked.path.split('?').next().unwrap()))
        .collect();
    let hash = idiolect_testkit::hub::sha256(&big());
    let expected = [
        "POST /api/repos/create",
        "POST /api/models/owner/new/preupload/main",
        "POST /owner/new.git/info/lfs/objects/batch",
        &format!("PUT /storage/upload/{hash}"),
        "POST /api/verify",
        "POST /api/models/owner/new/commit/main",
    ];
    assert_eq!(lines, expected);
    // The host of large files is not told the token; the Hub is, each time.
    let tokens: Vec<bool> = all.iter().map(|asked| asked.token().is_some()).collect();
    assert_eq!(tokens, [true, true, true, false, true, true]);
    // What was uploaded is downloaded.
    let path = hub.file(&model("owner/new"), "adapter_model.safetensors", &quiet);
    assert_eq!(fs::read(path.unwrap()).unwrap(), big());
}

#[test]
fn what_the_hub_has_is_not_sent_again_and_what_it_ignores_is_left_out() {
    let (server, cache) = (
        HubServer::start(Vec::new()).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let own = folder();
    let hub = hub(&server, cache.path(), GOOD_TOKEN);
    hub.upload(&upload(own.path(), "owner/new"), &quiet)
        .unwrap();
    fs::write(own.path().join("b.ignored"), "x").unwrap();
    fs::write(own.path().join("README.md"), "# Another\n").unwrap();
    drop(server.take_lines());
    let done = hub
        .upload(&upload(own.path(), "owner/new"), &quiet)
        .unwrap();
    assert_eq!(done.ignored, ["b.ignored"]);
    let lines = server.take_lines();
    assert!(
        !lines.iter().any(|line| line.starts_with("PUT")),
        "{lines:?}"
    );
    let found = server.repository("models/owner/new").unwrap();
    assert_eq!(found.files["README.md"], b"# Another\n");
    assert!(!found.files.contains_key("b.ignored"));
    let secret = Upload {
        private: true,
        ..upload(own.path(), "owner/secret")
    };
    hub.upload(&secret, &quiet).unwrap();
    let found = server.repository("models/owner/secret").unwrap();
    assert_eq!(found.access, Access::Private);
}

#[test]
fn a_large_file_whose_connection_breaks_is_sent_anew_and_a_commit_is_made_once() {
    let (broken, commits) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let server = HubServer::with_fault(Vec::new(), move |asked, reply| {
        let is = |part: &str| asked.path.contains(part);
        if is("/storage/upload") && broken.fetch_add(1, Ordering::SeqCst) == 0 {
            return Reply::new(503, b"busy");
        }
        if is("/commit/") && commits.fetch_add(1, Ordering::SeqCst) == 0 {
            return Reply::new(500, b"a fault");
        }
        reply
    })
    .unwrap();
    let (own, cache) = (folder(), tempfile::tempdir().unwrap());
    let hub = hub(&server, cache.path(), GOOD_TOKEN);
    let error = hub
        .upload(&upload(own.path(), "owner/new"), &quiet)
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.ends_with("found status 500: a fault (1 attempt)"),
        "{text}"
    );
    let count = |part: &str| {
        server
            .take_lines()
            .iter()
            .filter(|line| line.contains(part))
            .count()
    };
    assert_eq!(count("PUT /storage"), 2);
    // Another call sends the rest.
    hub.upload(&upload(own.path(), "owner/new"), &quiet)
        .unwrap();
    assert_eq!(count("PUT /storage"), 0);
}

#[test]
fn who_may_not_write_is_told_so_before_anything_is_sent() {
    let (server, cache) = (
        HubServer::start(Vec::new()).unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let own = folder();
    let asked = upload(own.path(), "owner/new");
    let refused = |config: HubConfig| {
        Hub::new(config)
            .upload(&asked, &quiet)
            .unwrap_err()
            .to_string()
    };
    let nobody = refused(config(&server, cache.path()));
    assert!(
        nobody.starts_with("HF_TOKEN: expected a token that may write"),
        "{nobody}"
    );
    let offline = refused(HubConfig {
        offline: true,
        ..config(&server, cache.path())
    });
    assert!(
        offline.starts_with("HF_HUB_OFFLINE: expected nothing beside an upload"),
        "{offline}"
    );
    assert!(server.asked().is_empty());
    let poor = hub(&server, cache.path(), POOR_TOKEN);
    let error = poor.upload(&asked, &quiet).unwrap_err();
    assert!(
        matches!(error, HubError::Refused { status: 403, .. }),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains(POOR_TOKEN));
    let good = hub(&server, cache.path(), GOOD_TOKEN);
    let rows = Upload {
        repo: dataset("owner/rows"),
        ..asked.clone()
    };
    let error = good.upload(&rows, &quiet).unwrap_err().to_string();
    assert!(error.ends_with("expected a model"), "{error}");
}
