//! The program itself, on a tiny checkpoint: what it refuses before anything is trained.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

use std::process::Command;

use idiolect_testkit::shared;

#[test]
fn too_few_rows_are_refused_with_what_the_design_needs() {
    let Some(shared) = shared() else { return };
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("rows.json");
    let long = "x".repeat(600);
    let rows = format!(
        r#"[{{"instruction": "a", "input": "", "output": "b"}}, {{"instruction": "{long}", "input": "", "output": "b"}}]"#
    );
    std::fs::write(&data, rows).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_idiolect-experiment"))
        .arg("--model")
        .arg(shared.join("oracles/tiny/tiny-llama3"))
        .arg("--data")
        .arg(&data)
        .arg("--out")
        .arg(place.path().join("out"))
        .output()
        .unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(
        said.contains("rows.json: expected 800 rows of at most 550 characters, found 1"),
        "{said}"
    );
}
