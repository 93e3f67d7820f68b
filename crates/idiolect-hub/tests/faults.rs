//! Connections that break, servers that lie, and files that are there in part.

mod common;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use idiolect_hub::{Hub, HubConfig, HubError};
use idiolect_testkit::hub::{Asked, HubServer, Reply, Repository, sha256};

use common::{Told, big, config, hub, model, quiet};

fn repositories() -> Vec<Repository> {
    let files: [(&str, &[u8]); 2] = [("config.json", b"{}"), ("model.safetensors", &big())];
    vec![Repository::new("models/owner/name", &files)]
}

fn is_content(asked: &Asked) -> bool {
    asked.method == "GET" && asked.path.starts_with("/storage/")
}

/// A server whose answers with content are changed by their number, from 0.
fn faulty(change: impl Fn(usize, &Asked, Reply) -> Reply + Send + Sync + 'static) -> HubServer {
    let count = AtomicUsize::new(0);
    HubServer::with_fault(repositories(), move |asked, reply| {
        if !is_content(asked) {
            return reply;
        }
        change(count.fetch_add(1, Ordering::SeqCst), asked, reply)
    })
    .unwrap()
}

fn ranges(server: &HubServer) -> Vec<Option<usize>> {
    let asked = server.asked();
    asked
        .iter()
        .filter(|asked| is_content(asked))
        .map(Asked::from)
        .collect()
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_ended() {
    // Each connection brings 400,000 bytes and is dead.
    let server = faulty(|_, _, reply| Reply {
        cut: Some(400_000),
        ..reply
    });
    let (cache, told) = (tempfile::tempdir().unwrap(), Told::default());
    let path = hub(&server, cache.path())
        .file(&model("owner/name"), "model.safetensors", &told.take())
        .unwrap();
    assert_eq!(fs::read(path).unwrap(), big());
    assert_eq!(ranges(&server), [None, Some(400_000), Some(800_000)]);
    assert_eq!(told.advanced(), big().len() as u64);
    assert_eq!(told.lines(), ["begin model.safetensors 1200000 0", "end"]);
}

#[test]
fn a_later_call_goes_on_with_what_an_earlier_one_left() {
    let server = faulty(|number, _, reply| match number {
        0 => Reply {
            cut: Some(500_000),
            ..reply
        },
        1..=2 => Reply::new(503, b"busy"),
        _ => reply,
    });
    let cache = tempfile::tempdir().unwrap();
    let impatient = Hub::new(HubConfig {
        attempts: 2,
        ..config(&server, cache.path())
    });
    let error = impatient
        .file(&model("owner/name"), "model.safetensors", &quiet)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("found status 503: busy (2 attempts)"),
        "{error}"
    );
    let partial = format!("models--owner--name/blobs/{}.incomplete", sha256(&big()));
    let partial = cache.path().join(partial);
    assert_eq!(fs::metadata(&partial).unwrap().len(), 500_000);
    let told = Told::default();
    let path = impatient
        .file(&model("owner/name"), "model.safetensors", &told.take())
        .unwrap();
    assert_eq!(fs::read(path).unwrap(), big());
    assert_eq!(told.lines()[0], "begin model.safetensors 1200000 500000");
    assert_eq!(told.advanced(), 700_000);
    assert!(!partial.exists());
}

#[test]
fn a_server_that_knows_no_ranges_begins_anew() {
    let server = faulty(|number, _, reply| match number {
        0 => Reply {
            cut: Some(100_000),
            ..reply
        },
        _ => Reply::new(200, &big()),
    });
    let (cache, told) = (tempfile::tempdir().unwrap(), Told::default());
    let path = hub(&server, cache.path())
        .file(&model("owner/name"), "model.safetensors", &told.take())
        .unwrap();
    assert_eq!(fs::read(path).unwrap(), big());
    let begin = "begin model.safetensors 1200000 0";
    assert_eq!(told.lines(), [begin, "end", begin, "end"]);
}

#[test]
fn a_part_of_another_place_is_not_taken() {
    let server = faulty(|number, _, reply| match number {
        0 => Reply {
            cut: Some(100_000),
            ..reply
        },
        1 => {
            Reply::new(206, &big()[200_000..]).with("Content-Range", "bytes 200000-1199999/1200000")
        }
        _ => reply,
    });
    let cache = tempfile::tempdir().unwrap();
    let path = hub(&server, cache.path())
        .file(&model("owner/name"), "model.safetensors", &quiet)
        .unwrap();
    assert_eq!(fs::read(path).unwrap(), big());
    assert_eq!(ranges(&server), [None, Some(100_000), None]);
}

#[test]
fn a_partial_file_of_too_many_bytes_begins_anew() {
    let server = faulty(|_, _, reply| reply);
    let cache = tempfile::tempdir().unwrap();
    let blobs = cache.path().join("models--owner--name/blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(
        blobs.join(format!("{}.incomplete", sha256(&big()))),
        vec![0; 1_300_000],
    )
    .unwrap();
    let path = hub(&server, cache.path())
        .file(&model("owner/name"), "model.safetensors", &quiet)
        .unwrap();
    assert_eq!(fs::read(path).unwrap(), big());
}

#[test]
fn bytes_that_are_not_those_of_the_hash_are_refused_and_not_kept() {
    let server = faulty(|_, _, mut reply| {
        reply.body[7] ^= 1;
        reply
    });
    let cache = tempfile::tempdir().unwrap();
    let error = hub(&server, cache.path())
        .file(&model("owner/name"), "model.safetensors", &quiet)
        .unwrap_err();
    assert!(matches!(error, HubError::Damaged { .. }));
    let expected = format!("expected SHA-256 {}, found ", sha256(&big()));
    assert!(error.to_string().contains(&expected), "{error}");
    let blobs = fs::read_dir(cache.path().join("models--owner--name/blobs")).unwrap();
    assert_eq!(blobs.count(), 0);
}

#[test]
fn a_longer_answer_than_announced_is_cut_at_the_size() {
    let server = faulty(|_, _, mut reply| {
        reply.body.extend_from_slice(&[0; 1000]);
        reply
    });
    let cache = tempfile::tempdir().unwrap();
    let path = hub(&server, cache.path())
        .file(&model("owner/name"), "model.safetensors", &quiet)
        .unwrap();
    assert_eq!(fs::read(path).unwrap(), big());
}

#[test]
fn a_server_that_is_busy_is_asked_again_and_one_that_is_silent_too() {
    let server = HubServer::with_fault(repositories(), {
        let count = AtomicUsize::new(0);
        move |_, reply| match count.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::new(429, b"slow down").with("Retry-After", "1"),
            1 => {
                std::thread::sleep(Duration::from_millis(1500));
                reply
            }
            _ => reply,
        }
    })
    .unwrap();
    let (cache, start) = (tempfile::tempdir().unwrap(), Instant::now());
    hub(&server, cache.path())
        .file(&model("owner/name"), "config.json", &quiet)
        .unwrap();
    assert!(
        start.elapsed() >= Duration::from_millis(1400),
        "{:?}",
        start.elapsed()
    );
    let patient = HubServer::with_fault(repositories(), |_, _| {
        Reply::new(429, b"tomorrow").with("Retry-After", "86400")
    })
    .unwrap();
    let error = hub(&patient, cache.path())
        .file(&model("owner/new"), "config.json", &quiet)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("found status 429, and to wait 86400 s (1 attempts)"),
        "{error}"
    );
}

#[test]
fn what_a_server_names_stays_in_the_cache() {
    let lies: [(&'static str, &'static str, &str); 4] = [
        (
            "ETag",
            "\"../../../../evil\"",
            "expected a hash of the file (etag)",
        ),
        ("ETag", "\"\"", "expected a hash of the file (etag)"),
        (
            "X-Repo-Commit",
            "../../evil",
            "expected a commit (x-repo-commit)",
        ),
        ("X-Repo-Commit", "", "expected a commit (x-repo-commit)"),
    ];
    for (name, value, expected) in lies {
        let server = HubServer::with_fault(repositories(), move |_, mut reply| {
            reply
                .head
                .retain(|(found, _)| !found.eq_ignore_ascii_case(name));
            reply.with(name, value)
        })
        .unwrap();
        let cache = tempfile::tempdir().unwrap();
        let error = hub(&server, cache.path())
            .file(&model("owner/name"), "config.json", &quiet)
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
    }
}

#[test]
fn lists_that_are_none_or_lead_elsewhere_are_refused() {
    let bodies: [&'static [u8]; 5] = [
        b"{}",
        b"[{\"type\": \"file\", \"path\": \"../x\", \"size\": 1, \"oid\": \"a\"}]",
        b"[{\"type\": \"file\", \"path\": \"x\"}]",
        b"[",
        b"null",
    ];
    for body in bodies {
        let server = HubServer::with_fault(repositories(), move |asked, reply| {
            if asked.path.contains("/tree/") {
                Reply::new(200, body)
            } else {
                reply
            }
        })
        .unwrap();
        let cache = tempfile::tempdir().unwrap();
        let error = hub(&server, cache.path())
            .list(&model("owner/name"), &quiet)
            .unwrap_err();
        assert!(matches!(error, HubError::Damaged { .. }), "{error}");
    }
    let endless = HubServer::with_fault(repositories(), |_, _| {
        Reply::new(302, b"").with("Location", "/owner/name/resolve/main/config.json")
    })
    .unwrap();
    let cache = tempfile::tempdir().unwrap();
    let error = hub(&endless, cache.path())
        .file(&model("owner/name"), "config.json", &quiet)
        .unwrap_err();
    assert!(
        error.to_string().contains("more than 5 redirections"),
        "{error}"
    );
}

#[test]
fn calls_at_once_download_a_file_once() {
    let server = faulty(|_, _, reply| {
        std::thread::sleep(Duration::from_millis(200));
        reply
    });
    let cache = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let hub = hub(&server, cache.path());
                let path = hub
                    .file(&model("owner/name"), "model.safetensors", &quiet)
                    .unwrap();
                assert_eq!(fs::read(path).unwrap(), big());
            });
        }
    });
    assert_eq!(ranges(&server).len(), 1);
}
