//! Hubs, names and listeners of these tests.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests end them, and not every test uses all of them"
)]

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use idiolect_hub::{Event, Hub, HubConfig, Repo, RepoKind};
use idiolect_testkit::hub::HubServer;

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
