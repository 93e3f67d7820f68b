//! Hubs, names and listeners of these tests.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests end them, and not every test uses all of them"
)]

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use idiolect_hub::{Event, Hub, HubConfig, Repo, RepoKind};
use idiolect_testkit::hub::{Asked, HubServer, Reply, Repository};

/// More bytes than are read at once, none like its neighbours.
pub fn big() -> Vec<u8> {
    (0..300_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect()
}

pub fn config(server: &HubServer, cache: &Path) -> HubConfig {
    HubConfig {
        endpoint: server.url.clone(),
        attempts: 3,
        first_wait: Duration::from_millis(2),
        timeout: Duration::from_millis(500),
        ..HubConfig::new(cache.to_owned())
    }
}

pub fn hub(server: &HubServer, cache: &Path) -> Hub {
    Hub::new(config(server, cache))
}

pub fn model(name: &str) -> Repo {
    Repo::new(RepoKind::Model, name, None).unwrap()
}

pub fn dataset(name: &str) -> Repo {
    Repo::new(RepoKind::Dataset, name, None).unwrap()
}

/// Whether a file holds rows.
pub fn is_rows(path: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|end| end == "jsonl")
}

pub fn quiet(_: Event<'_>) {}

/// Keeps what it is told.
#[derive(Default)]
pub struct Told(Mutex<(Vec<String>, u64)>);

impl Told {
    pub fn take(&self) -> impl Fn(Event<'_>) + '_ {
        |event| {
            let mut kept = self.0.lock().unwrap();
            match event {
                Event::Begin { file, bytes, had } => {
                    kept.0.push(format!("begin {file} {bytes} {had}"));
                }
                Event::Advance(bytes) => kept.1 += bytes,
                Event::End => kept.0.push("end".into()),
                Event::Note(line) => kept.0.push(format!("note {line}")),
                _ => {}
            }
        }
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().0.clone()
    }

    pub fn advanced(&self) -> u64 {
        self.0.lock().unwrap().1
    }
}

/// A model with a large file, and a data set.
pub fn repositories() -> Vec<Repository> {
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

pub fn is_content(asked: &Asked) -> bool {
    asked.method == "GET" && asked.path.starts_with("/storage/")
}

/// A server whose answers with content are changed by their number, from 0.
pub fn faulty(change: impl Fn(usize, &Asked, Reply) -> Reply + Send + Sync + 'static) -> HubServer {
    let count = AtomicUsize::new(0);
    HubServer::with_fault(repositories(), move |asked, reply| {
        if !is_content(asked) {
            return reply;
        }
        change(count.fetch_add(1, Ordering::SeqCst), asked, reply)
    })
    .unwrap()
}

pub fn ranges(server: &HubServer) -> Vec<Option<usize>> {
    let asked = server.asked();
    asked
        .iter()
        .filter(|asked| is_content(asked))
        .map(Asked::from)
        .collect()
}
