//! Damaged files: every reader ends with a value or with an error of one line, in time and in bounded memory.
//!
//! The damage is made here from good files, which are made here too. `IDIOLECT_SEARCH_SECONDS` says how long each
//! reader is searched (10 s by default), and a number above 10 draws other damage each time.

mod edit;
mod good;
mod reader;
mod search;
mod watch;

use std::fmt::Debug;

use crate::edit::{Edit, ODD_LINES, odd_values, of_bytes, values};
use crate::good::Good;
use crate::reader::{READERS, Reader};
use crate::watch::{Ended, read};

/// The damage that every file of a kind is given.
fn systematic(bytes: &[u8], file: &str) -> Vec<Edit> {
    let mut edits = of_bytes();
    if file.ends_with(".json") {
        let places = 0..values(bytes).min(60);
        edits.extend(places.flat_map(|at| {
            odd_values()
                .into_iter()
                .map(move |value| Edit::Value(at, value))
        }));
    }
    if file.ends_with(".toml") {
        let lines = bytes.split(|byte| *byte == b'\n').count();
        edits.extend((0..lines).flat_map(|at| ODD_LINES.map(|value| Edit::Line(at, value.into()))));
    }
    edits
}

#[test]
fn good_files_are_read() {
    let good = Good::new();
    for reader in &READERS {
        let bytes = std::fs::read(good.root().join(reader.file)).expect(reader.file);
        match read(&good, reader, &bytes, &"good") {
            Ended::Taken(value) => assert_finite(reader, &value, &"good"),
            Ended::Refused(error) => panic!("{}: {error}", reader.file),
        }
    }
}

#[test]
fn damaged_files_never_end_the_program() {
    let good = Good::new();
    let (mut refused, mut taken) = (0, 0);
    for reader in &READERS {
        let bytes = std::fs::read(good.root().join(reader.file)).unwrap();
        for edit in systematic(&bytes, reader.file) {
            match read(&good, reader, &edit.apply(&bytes), &edit) {
                Ended::Refused(_) => refused += 1,
                Ended::Taken(value) => {
                    assert_finite(reader, &value, &edit);
                    taken += 1;
                }
            }
        }
    }
    println!("{refused} refused, {taken} taken");
    assert!(refused > 400, "{refused} refused, {taken} taken");
}

/// A number that is none must not come out of any reading.
fn assert_finite(reader: &Reader, value: &str, what: &dyn Debug) {
    let mut words = value.split(|letter: char| !letter.is_alphanumeric());
    let none = words.find(|word| ["NaN", "inf"].contains(word));
    assert!(
        none.is_none(),
        "{}: {none:?} was taken; {what:?}",
        reader.file
    );
}
