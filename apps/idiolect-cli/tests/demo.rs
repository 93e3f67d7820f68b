//! The demo's own settings and rows, on a tiny model and a few rows: whole, and with the next command at its end.

#![allow(clippy::expect_used, reason = "helpers of tests end them")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{Place, cache};
use serde_json::Value;

/// The root of the repository, as seen from which the demo names its files.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn the_rows_of_the_demo_are_what_their_notice_says() {
    for (name, count) in [("train", 240), ("test", 60)] {
        let path = root().join(format!("examples/data/dolly/{name}.json"));
        let text = std::fs::read_to_string(&path).expect("the rows");
        let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        assert_eq!(rows.len(), count, "{name}");
        let length = |row: &Value, field: &str| {
            let text = row[field].as_str().expect("a text");
            text.chars().count()
        };
        for row in &rows {
            let whole = length(row, "instruction") + length(row, "output");
            assert!(whole <= 550 && row.get("input").is_none(), "{row}");
        }
    }
}

#[test]
fn the_demo_runs_and_ends_with_the_page_and_the_next_command() {
    let Some(place) = Place::new() else { return };
    let (model, out) = (place.model("tiny-llama3"), place.path("demo"));
    let run = Command::new(env!("CARGO_BIN_EXE_idiolect"))
        .current_dir(root())
        .env("XDG_CACHE_HOME", cache())
        .args(["sdft", "--demo", "--model", &model, "--out", &out])
        .args(["--sample", "4", "--eval-sample", "2", "--epochs", "1"])
        .args(["--max-new-tokens", "4", "--truncation", "drop"])
        .args(["--forgetting", "2", "--forgetting-tokens", "4"])
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    let table = String::from_utf8_lossy(&run.stdout);
    assert!(
        table.contains("forgetting: own answers, nats a token"),
        "{table}"
    );
    // No check of the demo says right or wrong, so there is no row of dashes for it.
    assert!(!table.contains("right answers"), "{table}");
    assert!(place.read("demo/report/index.html").contains("<html"));
    let page = format!("page: {out}/report/index.html");
    let next = format!("idiolect generate --model {model} --adapter {out}/distilled/adapter");
    assert!(said.contains(&page) && said.contains(&next), "{said}");
}
