//! `cargo xtask test`: fetches what the tests use and runs them all.
//!
//! `cargo xtask remote`: those of lent devices.
//!
//! `cargo xtask hostile`: damaged files, and commands that are killed, as the tests do it or for hours.
//!
//! The tests against a real server come last, with a server of their own.
//! Without the shared oracles, or without a network, the tests that need them say so and end; those are listed at the
//! end, by their reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::shell::TESTED;
use crate::{fetch, parity, server, shell};

/// Sets up and runs the tests, built with the `features` given or with none beyond the defaults.
pub(crate) fn run(features: Option<&str>) -> shell::Outcome {
    let mut tests = shell::cargo(&["test", TESTED, "--workspace", "--locked"]);
    tests.args(features);
    let model = require_what_is_there(&mut tests)?;
    let list = shell::root().join("target/skipped.txt");
    let _ = fs::remove_file(&list);
    let ended = shell::run(tests.env("IDIOLECT_SKIPPED", &list));
    tell_skipped(&fs::read_to_string(&list).unwrap_or_default());
    ended?;
    match model {
        Some(model) => server::test(&model, features),
        None => Ok(()),
    }
}

/// Says which tests skipped what they could not try, by the reason that they gave.
fn tell_skipped(list: &str) {
    let mut reasons: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in list.lines() {
        let line = line.strip_prefix("skipped: ").unwrap_or(line);
        let (test, reason) = line.split_once(": ").unwrap_or((line, "no reason"));
        reasons.entry(reason).or_default().insert(test);
    }
    for (reason, tests) in &reasons {
        let names: Vec<&str> = tests.iter().copied().collect();
        println!(
            "skipped by {} tests: {reason}: {}",
            tests.len(),
            names.join(", ")
        );
    }
    if reasons.is_empty() {
        println!("no test was skipped");
    }
}

/// Tests may skip what could not be had, and nothing else; returns the real model where it is there.
fn require_what_is_there(tests: &mut Command) -> shell::Outcome<Option<PathBuf>> {
    if shell::shared().is_some() {
        tests.env("IDIOLECT_REQUIRE_SHARED", "1");
    }
    let fetched = fetch::smollm2().and_then(|model| {
        fetch::minilm()?;
        Ok((model, fetch::smollm2_folder()?))
    });
    match fetched {
        Ok((model, folder)) => {
            if folder.is_some() {
                tests.env("IDIOLECT_REQUIRE_MODEL", "1");
            }
            Ok(Some(model))
        }
        Err(message) if std::env::var_os("CI").is_some() => Err(message),
        Err(message) => {
            println!("the tests of the real model are skipped: {message}");
            Ok(None)
        }
    }
}

/// Runs the tests of lent devices: a program on this machine lends its CPU to another.
pub(crate) fn remote() -> shell::Outcome {
    let mut tests = shell::cargo(&["test", TESTED, "--workspace", "--locked"]);
    tests.arg(parity::features_with_remote());
    if shell::shared().is_some() {
        tests.env("IDIOLECT_REQUIRE_SHARED", "1");
    }
    shell::run(tests.args(["--test", "devices", "--test", "reference"]))
}

/// How much is tried.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Length {
    /// What the tests do.
    Short,
    /// An hour for each of the kinds of files, two at a time, and 25 kills of each command.
    Long,
}

/// Runs the tests of damaged files, of killed commands, and of programs that models write.
pub(crate) fn hostile(length: Length) -> shell::Outcome {
    let binaries = [
        "hostile", "contract", "training", "writing", "probes", "system",
    ];
    let mut tests = shell::cargo(&["test", TESTED, "--workspace", "--locked", "--no-fail-fast"]);
    tests.args(binaries.iter().flat_map(|name| ["--test", name]));
    tests.args([
        "--",
        "--nocapture",
        "kill",
        "damage",
        "probe",
        "limit",
        "good",
    ]);
    if length == Length::Long {
        tests.env("IDIOLECT_SEARCH_SECONDS", "3600");
        tests.env("IDIOLECT_KILLS", "25");
    }
    shell::run(&mut tests)
}
