//! What the benchmarks share: options, peak memory, and cases that each have a process of their own.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each benchmark uses a part, and ends where it cannot go on"
)]

use std::process::{Command, Stdio};
use std::str::FromStr;

use serde_json::Value;

/// The value behind `--name` on the command line.
pub(crate) fn option(name: &str) -> Option<String> {
    let mut words = std::env::args().skip_while(|word| word != name);
    words.nth(1)
}

/// The value behind `--name` as a number.
pub(crate) fn number<T: FromStr>(name: &str, default: T) -> T {
    option(name).map_or(default, |text| {
        let wrong = || panic!("{name}: expected a number, found {text}");
        text.parse().unwrap_or_else(|_| wrong())
    })
}

/// Runs a program with two threads and reads the JSON object of its last line.
pub(crate) fn case(command: &mut Command) -> Value {
    for name in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"] {
        command.env(name, "2");
    }
    command.env("PYTHONWARNINGS", "ignore");
    let done = command.stderr(Stdio::inherit()).output();
    let done = done.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&done.stdout);
    let last = text.lines().rfind(|line| line.starts_with('{'));
    let last = last.unwrap_or_else(|| panic!("{command:?}: {}, {text}", done.status));
    serde_json::from_str(last).expect("a JSON object")
}

/// This benchmark again, for one case.
pub(crate) fn again(words: &[&str]) -> Value {
    let own = std::env::current_exe().expect("this program");
    case(Command::new(own).args(words))
}

/// A number of a case.
pub(crate) fn field(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap_or(f64::NAN)
}

/// Most memory that this process has held, in MiB; 0 where the system does not tell.
pub(crate) fn peak_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok())
        .unwrap_or(0)
        / 1024
}
