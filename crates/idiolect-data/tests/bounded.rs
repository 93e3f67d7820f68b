//! Rows that would take memory or time, each refused by place and limit before it does.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

use std::path::{Path, PathBuf};

use idiolect_data::{Journal, LineIndex, read_rows, write_json};
use tempfile::TempDir;

fn file(name: &str, contents: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, contents).unwrap();
    (folder, path)
}

fn refused(path: &Path, parts: &[&str]) {
    let error = read_rows(path).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

/// Two rows, the second with this text.
fn with_text(text: &str) -> Vec<u8> {
    format!("{{\"text\": \"a\"}}\n{{\"text\": \"{text}\"}}\n").into_bytes()
}

#[test]
fn a_line_is_read_up_to_its_limit_and_no_further() {
    let most = 16 << 20;
    let (_folder, path) = file("rows.jsonl", &with_text(&"x".repeat(most - 14)));
    assert_eq!(read_rows(&path).unwrap().rows.len(), 2);
    let (_folder, path) = file("rows.jsonl", &with_text(&"x".repeat(most)));
    refused(
        &path,
        &[
            "line 2, column 1",
            "at most 16777216 bytes of a row",
            "IDIOLECT_LIMIT_ROW_BYTES",
        ],
    );
    let error = LineIndex::new(&path).unwrap_err().to_string();
    assert!(
        error.contains("line 2, column 1: expected at most"),
        "{error}"
    );
    let (_folder, path) = file(
        "rows.csv",
        &[b"text\n\"", &vec![b'x'; most + 1][..], b"\"\n"].concat(),
    );
    refused(&path, &["IDIOLECT_LIMIT_ROW_BYTES"]);
}

#[test]
fn values_of_a_row_are_counted_in_every_layout() {
    let many = format!(
        "{{\"text\": \"a\", \"list\": [{}0]}}",
        "0,".repeat(2_000_000)
    );
    for contents in [many.clone(), format!("[{{\"text\": \"b\"}}, {many}]")] {
        let (_folder, path) = file("rows.json", contents.as_bytes());
        refused(
            &path,
            &[
                "line 1",
                "at most 2000000 values in a row",
                "IDIOLECT_LIMIT_ROW_VALUES",
            ],
        );
    }
    let (_folder, path) = file("rows.jsonl", many.as_bytes());
    let error = LineIndex::new(&path)
        .unwrap()
        .raw(0)
        .unwrap_err()
        .to_string();
    assert!(error.contains("IDIOLECT_LIMIT_ROW_VALUES"), "{error}");
}

#[test]
fn a_table_has_no_columns_without_end() {
    let names: Vec<String> = (0..5000).map(|at| format!("c{at}")).collect();
    let (_folder, path) = file("rows.csv", format!("{}\n", names.join(",")).as_bytes());
    refused(
        &path,
        &[
            "line 1",
            "at most 4096 columns",
            "found 5000",
            "IDIOLECT_LIMIT_COLUMNS",
        ],
    );
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "rows.jsonl",
        "rows.json",
        "rows.csv",
        "rows.parquet",
        "run.toml",
        "journal",
        "open",
        "written.partial",
    ] {
        let path = folder.path().join(name);
        if !idiolect_testkit::pipe(&path) {
            return;
        }
        let error = match name {
            "run.toml" => idiolect_data::settings::read_file(&path).map(drop),
            "journal" => Journal::read::<u32>(&path).map(drop),
            "open" => Journal::open::<u32>(&path).map(drop),
            "written.partial" => write_json(&path.with_extension(""), &1),
            _ => read_rows(&path).map(drop),
        };
        let error = error.unwrap_err().to_string();
        let name = name.trim_end_matches(".partial");
        assert!(
            error.contains(name) && error.contains("found a pipe"),
            "{error}"
        );
    }
    let error = LineIndex::new(&folder.path().join("rows.jsonl")).unwrap_err();
    assert!(error.to_string().contains("found a pipe"), "{error}");
}
