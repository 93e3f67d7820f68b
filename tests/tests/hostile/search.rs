//! Damage drawn at random, for a while, for each kind of file.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::edit::{Edit, edits};
use crate::good::Good;
use crate::readers::{chosen, kinds};
use crate::reading::Reader;
use crate::watch::read;

/// Damaged files between two looks at the clock.
const CASES: u16 = 16;

/// Seconds for each kind of file.
fn seconds() -> u64 {
    let set = std::env::var("IDIOLECT_SEARCH_SECONDS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// Whether this is the search of every run of the tests.
pub(crate) fn is_short() -> bool {
    seconds() <= 10
}

/// Where damage is drawn from: the same in each run where the search is short.
fn source() -> TestRng {
    if is_short() {
        return TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    }
    TestRunner::default().new_rng()
}

/// Runs a few cases.
fn runner(source: &mut TestRunner) -> TestRunner {
    let config = Config {
        cases: CASES.into(),
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, source.new_rng())
}

/// Files of one kind that were damaged and read.
fn search(good: &Good, kind: &str) -> usize {
    let readers: Vec<&Reader> = chosen().filter(|reader| reader.kind == kind).collect();
    let mut source = TestRunner::new_with_rng(Config::default(), source());
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < Duration::from_secs(seconds()) {
        for reader in &readers {
            if let Err(error) = some(good, reader, runner(&mut source)) {
                panic!("{}: {error}", reader.file);
            }
            count += usize::from(CASES);
        }
    }
    count
}

fn some(good: &Good, reader: &Reader, mut runner: TestRunner) -> Result<(), TestError<Vec<Edit>>> {
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
        for worker in workers {
            worker.join().expect("no fault");
        }
    });
}
