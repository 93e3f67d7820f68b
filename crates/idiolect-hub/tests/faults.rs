//! Connections that break, servers that are busy, and files that are there in part.

mod common;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use idiolect_hub::{Hub, HubConfig};
use idiolect_testkit::hub::{HubServer, Reply, sha256};

use common::{Told, big, config, faulty, hub, model, quiet, ranges, repositories};

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
            .ends_with("found status 429, and to wait 86400 s (1 attempt)"),
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
