//! Servers that lie: of hashes, sizes, names, and lists that never end.

#![allow(clippy::unwrap_used, reason = "helpers of tests end them")]

mod common;

use std::fs;

use idiolect_hub::HubError;
use idiolect_testkit::hub::{HubServer, Reply, sha256};
use serde_json::{Value, json};

use common::{big, faulty, hub, model, quiet, ranges, repositories};

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

/// A server that changes one line of the head of what it says of files.
fn with_head(name: &'static str, value: &'static str) -> HubServer {
    let server = HubServer::with_fault(repositories(), move |asked, mut reply| {
        if asked.method != "HEAD" {
            return reply;
        }
        reply
            .head
            .retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        reply.with(name, value)
    });
    server.unwrap()
}

#[test]
fn a_size_that_is_no_number_is_refused() {
    for size in ["", "-1", "1e9", "99999999999999999999999"] {
        let (server, cache) = (
            with_head("X-Linked-Size", size),
            tempfile::tempdir().unwrap(),
        );
        let error = hub(&server, cache.path())
            .file(&model("owner/name"), "model.safetensors", &quiet)
            .unwrap_err();
        let expected = format!("expected a size in bytes (x-linked-size), found {size:?}");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

#[test]
fn a_server_that_never_sends_what_it_announced_is_left() {
    for size in ["1200001", "18446744073709551615"] {
        let server = HubServer::with_fault(repositories(), move |asked, mut reply| {
            if asked.path.starts_with("/storage/") {
                return Reply::new(200, &big());
            }
            reply.head.retain(|(name, _)| name != "X-Linked-Size");
            reply.with("X-Linked-Size", size)
        });
        let server = server.unwrap();
        let cache = tempfile::tempdir().unwrap();
        let error = hub(&server, cache.path())
            .file(&model("owner/name"), "model.safetensors", &quiet)
            .unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("found an answer that ends after 1200000 bytes (3 attempts)"),
            "{error}"
        );
        assert!(ranges(&server).len() < 9, "{:?}", ranges(&server));
    }
}

/// The error of a list whose pages are these, by their number from 0, each with another one behind it.
fn endless(page: impl Fn(usize) -> String + Send + Sync + 'static) -> (String, usize) {
    let server = HubServer::with_fault(repositories(), move |asked, reply| {
        if !asked.path.contains("/tree/") {
            return reply;
        }
        let number = asked.path.rsplit("cursor=").next();
        let number = number.and_then(|text| text.parse().ok()).unwrap_or(0);
        let next = format!(
            "</api/models/owner/name/tree/x?cursor={}>; rel=\"next\"",
            number + 1
        );
        Reply::new(200, page(number).as_bytes()).with("Link", &next)
    });
    let server = server.unwrap();
    let cache = tempfile::tempdir().unwrap();
    let error = hub(&server, cache.path())
        .list(&model("owner/name"), &quiet)
        .unwrap_err();
    (error.to_string(), server.asked().len())
}

#[test]
fn a_list_that_never_ends_is_left() {
    let file =
        |path: &str| json!([{"type": "file", "path": path, "size": 1, "oid": "a"}]).to_string();
    let expected =
        "expected a list that ends, found \"a page without a new file, and another one behind it\"";
    let (same, asked) = endless(move |_| file("a"));
    assert!(same.contains(expected) && asked < 5, "{asked}: {same}");
    let (empty, asked) = endless(|_| "[]".into());
    assert!(empty.contains(expected) && asked < 5, "{asked}: {empty}");
    // Ever new names, many on a page.
    let many = |number: usize| {
        let entry = |at: usize| json!({"type": "file", "path": format!("{number}/{at}"), "size": 1, "oid": "a"});
        Value::from((0..20_000).map(entry).collect::<Vec<_>>()).to_string()
    };
    let (new, asked) = endless(many);
    assert!(
        new.contains("expected a list of at most 67108864 bytes") && asked < 20,
        "{asked}: {new:.300}"
    );
}
