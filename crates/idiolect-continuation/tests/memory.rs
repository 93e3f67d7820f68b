//! A hundred thousand documents are prepared in the memory of a few.
//!
//! The only test of its binary, so that the process's peak is its own.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

mod common;

use std::fs::{self, File};
use std::io::Write;

use common::{Folder, nobody, settings};
use idiolect_continuation::{ContinuationConfig, Corpus, Target};

/// The most memory that the process ever had, in bytes, where the system tells.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[test]
fn memory_does_not_grow_with_the_text() {
    const DOCUMENTS: usize = 100_000;
    let folder = Folder::new();
    let path = folder.0.path().join("corpus.jsonl.zst");
    let mut packed = zstd::Encoder::new(File::create(&path).unwrap(), 1).unwrap();
    let text = "so many words of the same length ".repeat(12);
    for number in 0..DOCUMENTS {
        writeln!(packed, "{{\"id\": {number}, \"text\": \"{text}{number}\"}}").unwrap();
    }
    packed.finish().unwrap();
    let corpus = Corpus::find(&path).unwrap();
    let settings = ContinuationConfig {
        target: Target::Original,
        ..settings(DOCUMENTS)
    };
    let before = peak();
    let continued = folder.run(&corpus, &settings, &mut nobody());
    let summary = continued.unwrap().summary;
    assert_eq!(
        (summary.corpus.documents, summary.rows),
        (DOCUMENTS, DOCUMENTS)
    );
    let Some((before, after)) = before.zip(peak()) else {
        idiolect_testkit::skipped("this system does not tell the peak of memory");
        return;
    };
    // 40 MB of text went through; the sample's numbers and ids may stay.
    let grown = (after - before) >> 20;
    println!("{grown} MiB for {DOCUMENTS} documents");
    assert!(grown < 32, "{grown} MiB");
}
