//! Damaged files: every reader ends with a value or with an error of one line, in time and in bounded memory.
//!
//! The damage is made here from good files, which are made here too. `IDIOLECT_SEARCH_SECONDS` says how long each
//! kind of file is searched (3 s by default), and a number above 10 draws other damage each time. `IDIOLECT_HOSTILE_FILES`
//! names a part of the files to damage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests end them, and say what they tried"
)]

mod edit;
mod good;
mod readers;
mod reading;
mod scratch;
mod search;
mod server;
mod watch;

use std::ffi::OsStr;
use std::path::Path;

use crate::edit::{Edit, ODD_HEADERS, ODD_LINES, odd_values, of_bytes, values};
use crate::good::Good;
use crate::readers::chosen;
use crate::search::is_short;
use crate::watch::{Ended, read};

/// The damage that every file of a kind is given.
fn systematic(bytes: &[u8], file: &str) -> Vec<Edit> {
    let mut edits = of_bytes();
    let ending = Path::new(file).extension().and_then(OsStr::to_str);
    if ending == Some("json") {
        // Values from all of the file; a long search changes every one.
        let count = values(bytes);
        let step = if is_short() { count.div_ceil(6) } else { 1 };
        edits.extend((0..count).step_by(step.max(1)).flat_map(|at| {
            odd_values()
                .into_iter()
                .map(move |value| Edit::Value(at, value))
        }));
    }
    if ending == Some("toml") {
        let lines = bytes.split(|byte| *byte == b'\n').count();
        edits.extend((0..lines).flat_map(|at| ODD_LINES.map(|value| Edit::Line(at, value.into()))));
    }
    if ending == Some("txt") {
        let lines = bytes.split(|byte| *byte == b'\n').count();
        edits.extend(
            (0..lines).flat_map(|at| ODD_HEADERS.map(|value| Edit::Header(at, value.into()))),
        );
    }
    edits
}

#[test]
fn good_files_are_read() {
    let good = Good::new();
    let faults = chosen().filter_map(|reader| {
        let bytes = std::fs::read(good.root().join(reader.file)).expect(reader.file);
        match read(&good, reader, &bytes) {
            Ok(Ended::Taken) => None,
            Ok(Ended::Refused(text)) => Some(format!("{}: {text}", reader.file)),
            Err(fault) => Some(format!("{}: {fault}", reader.file)),
        }
    });
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn damaged_files_never_end_the_program() {
    let good = Good::new();
    let (mut refused, mut taken, mut faults) = (0, 0, Vec::new());
    for reader in chosen() {
        let bytes = std::fs::read(good.root().join(reader.file)).unwrap();
        for edit in systematic(&bytes, reader.file) {
            match read(&good, reader, &edit.apply(&bytes)) {
                Ok(Ended::Refused(_)) => refused += 1,
                Ok(Ended::Taken) => taken += 1,
                Err(fault) => {
                    let fault = format!("{}: {fault}; {edit:?}", reader.file);
                    println!("{fault:.300}");
                    faults.push(fault);
                }
            }
        }
        println!("{}: {refused} refused, {taken} taken so far", reader.file);
    }
    println!("{refused} refused, {taken} taken");
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert!(refused > 400, "{refused} refused, {taken} taken");
}
