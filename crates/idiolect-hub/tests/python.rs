//! The server of these tests against Hugging Face's own client, and one cache for both.
//!
//! Needs a Python with `huggingface_hub`, named by `IDIOLECT_PYTHON`; says so when it skips.
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test says what it skips, and ends"
)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use idiolect_http::Secret;
use idiolect_hub::{Hub, HubConfig, Token, Upload, upload_files};
use idiolect_testkit::hub::{Access, GOOD_TOKEN, HubServer, POOR_TOKEN, Reply, Repository};
use serde_json::{Value, json};

use common::{big, config, dataset, is_rows, model, quiet};

fn server() -> HubServer {
    let files: [(&str, &[u8]); 2] = [("config.json", b"{}"), ("model.safetensors", &big())];
    let broken: Vec<u8> = big().into_iter().rev().collect();
    let open = Repository {
        revisions: vec!["main".into(), "v1".into(), "refs/pr/1".into()],
        ..Repository::new("models/owner/name", &files)
    };
    let closed = |place: &str, access| Repository {
        access,
        ..Repository::new(place, &files)
    };
    let rows: [(&str, &[u8]); 3] = [
        ("README.md", b"rows"),
        ("data/a.jsonl", b"{}"),
        ("data/b.jsonl", b"[]"),
    ];
    let storage = format!("/storage/{}", idiolect_testkit::hub::sha256(&broken));
    let repositories = vec![
        open,
        closed("models/owner/gated", Access::Gated),
        closed("models/owner/private", Access::Private),
        Repository::new("datasets/owner/rows", &rows),
        Repository::new("models/owner/broken", &[("model.safetensors", &broken)]),
    ];
    let count = AtomicUsize::new(0);
    HubServer::with_fault(repositories, move |asked, reply| {
        let is_broken = asked.method == "GET" && asked.path.starts_with(&storage);
        if is_broken && count.fetch_add(1, Ordering::SeqCst) < 2 {
            return Reply {
                cut: Some(400_000),
                ..reply
            };
        }
        reply
    })
    .unwrap()
}

#[test]
fn huggingfaces_own_client_and_ours_share_a_server_and_a_cache() {
    let Some(python) = std::env::var_os("IDIOLECT_PYTHON") else {
        idiolect_testkit::skipped("IDIOLECT_PYTHON names no Python with huggingface_hub");
        return;
    };
    let probe = Command::new(&python)
        .args(["-c", "import huggingface_hub"])
        .output()
        .unwrap();
    if !probe.status.success() {
        idiolect_testkit::skipped("the Python of IDIOLECT_PYTHON has no huggingface_hub");
        return;
    }
    let server = server();
    let [theirs, ours] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let hub = common::hub(&server, ours.path());
    hub.file(&model("owner/name"), "model.safetensors", &quiet)
        .unwrap();
    hub.files(&dataset("owner/rows"), &|_| true, &quiet)
        .unwrap();
    let upload = to_upload();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/check.py");
    let out = Command::new(&python)
        .arg(script)
        .args([&server.url, GOOD_TOKEN, POOR_TOKEN])
        .args([theirs.path(), ours.path(), upload.path()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{said}");
    let mut found: Value = serde_json::from_slice(&out.stdout).unwrap();
    eprintln!("huggingface_hub {}", found["version"]);
    let size = big().len();
    let expected = json!({
        "large": size, "revision": 2, "renamed": 2, "no file": "EntryNotFoundError",
        "no revision": ["RevisionNotFoundError", 404],
        "gated, nobody": ["GatedRepoError", 401], "gated, poor": ["GatedRepoError", 403],
        "gated, good": "downloaded",
        "private, nobody": ["RepositoryNotFoundError", 401], "wrong token": ["HfHubHTTPError", 401],
        "data set": ["a.jsonl", "b.jsonl"], "broken": size,
        "ours": size, "our data set": ["README.md", "a.jsonl", "b.jsonl"], "warnings": [],
        "commit": 40, "no rights": 403,
        "repositories": ["dataset owner/rows 3", "model owner/name 1"],
    });
    if let Some(fields) = found.as_object_mut() {
        fields.remove("version");
    }
    assert_eq!(found, expected);
    what_python_has_downloaded_is_read(&server, theirs.path());
    both_upload_alike(&server, ours.path(), upload.path());
}

/// A large file, a small one and a card.
fn to_upload() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("adapter_model.safetensors", &big()[8..]);
    write("adapter_config.json", b"{}");
    write("README.md", b"# A card\n");
    folder
}

/// What Python's client has uploaded, and the same by ours: one content, and the same places asked.
fn both_upload_alike(server: &HubServer, cache: &Path, folder: &Path) {
    let places = |lines: Vec<String>, name: &str| -> Vec<String> {
        let own = lines.into_iter().filter(|line| {
            let writes = line.starts_with("POST") || line.starts_with("PUT");
            // Python has the card's head checked, and looks for a list of ignored files.
            writes && !line.contains("validate-yaml") && !line.contains("poor")
        });
        own.map(|line| line.replace(name, "NAME")).collect()
    };
    let mut theirs = places(server.take_lines(), "theirs");
    // It made the repository twice, and was refused another.
    theirs.retain(|line| line != "POST /api/repos/create");
    let hub = Hub::new(HubConfig {
        token: Some(Token {
            secret: Secret::new(GOOD_TOKEN).unwrap(),
            source: "HF_TOKEN".into(),
        }),
        ..config(server, cache)
    });
    // Theirs has the large file already, so ours is put where it is not.
    let before = server.repository("models/owner/theirs").unwrap();
    hub.upload(
        &Upload {
            repo: model("owner/ours"),
            files: upload_files(folder).unwrap(),
            message: "Upload".into(),
            private: false,
        },
        &quiet,
    )
    .unwrap();
    let mut ours = places(server.take_lines(), "ours");
    ours.retain(|line| line != "POST /api/repos/create");
    let found = server.repository("models/owner/ours").unwrap();
    assert_eq!(found.files, before.files);
    // The host of large files has theirs, and is not sent it again.
    theirs.retain(|line| !line.contains("/storage/") && !line.contains("verify"));
    assert_eq!(ours, theirs);
}

/// Without the network.
fn what_python_has_downloaded_is_read(server: &HubServer, cache: &Path) {
    let offline = Hub::new(HubConfig {
        offline: true,
        ..config(server, cache)
    });
    let path = offline
        .file(&model("owner/name"), "model.safetensors", &quiet)
        .unwrap();
    assert_eq!(fs::read(path).unwrap(), big());
    let rows = offline
        .files(&dataset("owner/rows"), &is_rows, &quiet)
        .unwrap();
    assert_eq!(rows.files.len(), 2);
    // Its list says that a file is missing, and so nothing is left out in silence.
    let all = offline
        .files(&dataset("owner/rows"), &|_| true, &quiet)
        .unwrap_err();
    assert!(all.to_string().contains("README.md"), "{all}");
}
