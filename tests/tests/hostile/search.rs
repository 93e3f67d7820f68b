//! Damage drawn at random, for a while, for each kind of file.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::edit::{Edit, edits};
use crate::good::Good;
use crate::reader::{Reader, chosen, kinds};
use crate::watch::read;

/// Damaged files between two looks at the clock.
const CASES: u32 = 16;

/// Seconds for each kind of file.
fn seconds() -> u64 {
    let set = std::env::var("IDIOLECT_SEARCH_SECONDS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(10)
}

/// The same damage in each run where the search is short.
fn runner() -> TestRunner {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    if seconds() > 10 {
        return TestRunner::new(config);
    }
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Files of one kind that were damaged and read.
fn search(good: &Good, kind: &str) -> usize {
    let readers: Vec<&Reader> = chosen().filter(|reader| reader.kind == kind).collect();
    let (mut runner, began) = (runner(), Instant::now());
    let mut count = 0;
    while began.elapsed() < Duration::from_secs(seconds()) {
        for reader in &readers {
            if let Err(error) = some(good, reader, &mut runner) {
                panic!("{}: {error}", reader.file);
            }
            count += CASES as usize;
        }
    }
    count
}

fn some(good: &Good, reader: &Reader, runner: &mut TestRunner) -> Result<(), TestError<Vec<Edit>>> {
    let bytes = std::fs::read(good.root().join(reader.file)).unwrap();
    runner.run(&edits(), |edits| {
        let damaged = edits
            .iter()
            .fold(bytes.clone(), |bytes, edit| edit.apply(&bytes));
        match read(good, reader, &damaged) {
            Ok(_) => Ok(()),
            Err(fault) => Err(TestCaseError::fail(fault.to_string())),
        }
    })
}

#[test]
fn no_damage_is_found_that_ends_the_program() {
    let good = Good::new();
    let kinds = Mutex::new(kinds());
    let work = || {
        while let Some(kind) = { kinds.lock().unwrap().pop_first() } {
            println!("{kind}: {} damaged files", search(&good, kind));
        }
    };
    std::thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        workers.map(|worker| worker.join().expect("no fault"));
    });
}
