//! Damage drawn at random, for a while, for each reader.

use std::time::{Duration, Instant};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::edit::{Edit, edits};
use crate::good::Good;
use crate::reader::{Reader, chosen};
use crate::watch::read;

/// Seconds for each reader.
fn seconds() -> u64 {
    let set = std::env::var("IDIOLECT_SEARCH_SECONDS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(10)
}

/// The same damage in each run where the search is short.
fn runner() -> TestRunner {
    let config = Config {
        cases: 16,
        failure_persistence: None,
        ..Config::default()
    };
    if seconds() > 10 {
        return TestRunner::new(config);
    }
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn search(good: &Good, reader: &Reader) -> usize {
    let bytes = std::fs::read(good.root().join(reader.file)).unwrap();
    let (mut runner, began) = (runner(), Instant::now());
    let mut count = 0;
    while began.elapsed() < Duration::from_secs(seconds()) {
        let found = runner.run(&edits(), |edits| {
            let damaged = edits
                .iter()
                .fold(bytes.clone(), |bytes, edit: &Edit| edit.apply(&bytes));
            match read(good, reader, &damaged) {
                Ok(_) => Ok(()),
                Err(fault) => Err(TestCaseError::fail(fault.to_string())),
            }
        });
        if let Err(error) = found {
            panic!("{}: {error}", reader.file);
        }
        count += 16;
    }
    count
}

#[test]
fn no_damage_is_found_that_ends_the_program() {
    let good = Good::new();
    for reader in chosen() {
        println!("{}: {} damaged files", reader.file, search(&good, reader));
    }
}
