//! What a test says that cannot run: straight to standard error, which the harness shows for tests that pass too.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Names a file that each line goes into as well, for a summary of a whole run (`cargo xtask test`).
const LIST: &str = "IDIOLECT_SKIPPED";

/// Says once for each test and reason that the test, or a part of it, is skipped.
pub fn skipped(reason: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let line = format!("skipped: {}: {}\n", test(), reason.trim());
    let is_new = SAID
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(line.clone());
    if !is_new {
        return;
    }
    // What is printed by macros is kept back by the harness; nobody is left to be told where this fails.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(list) = std::env::var_os(LIST) {
        let file = OpenOptions::new().create(true).append(true).open(list);
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}

/// The program of the tests and the test, after which the harness calls its threads.
fn test() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let program = program.file_stem().unwrap_or_default().to_string_lossy();
    let program = program.rsplit_once('-').map_or(&*program, |(name, _)| name);
    let thread = std::thread::current();
    format!("{program}::{}", thread.name().unwrap_or("a thread"))
}
