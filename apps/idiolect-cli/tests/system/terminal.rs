//! A terminal, as `script` of util-linux makes one.

use std::process::Command;

use crate::common::{Place, words};
use crate::training;

const COLUMNS: usize = 80;

#[test]
fn a_bar_and_what_is_told_of_it_fit_a_terminal_of_80_columns() {
    let Some(place) = Place::new() else { return };
    if Command::new("script").arg("--version").output().is_err() {
        idiolect_testkit::skipped("there is no script, which makes a terminal");
        return;
    }
    let call = training(&place, &place.path("run"));
    let program = env!("CARGO_BIN_EXE_idiolect");
    let typed = format!("stty cols {COLUMNS}; {program} {}", words(&call).join(" "));
    let record = place.path("record");
    let out = Command::new("script")
        .args(["-qec", &typed, &record])
        .output();
    assert!(out.unwrap().status.success());
    let record = String::from_utf8_lossy(&std::fs::read(record).unwrap()).into_owned();
    // Each time the bar is drawn it fills the first line, and what is told of it the second.
    let drawn = record.split(['\r', '\n']).map(plain);
    let drawn: Vec<String> = drawn.filter(|line| line.starts_with("train [")).collect();
    assert!(drawn.iter().any(|lines| lines.len() > COLUMNS), "{record}");
    for lines in drawn {
        let (bar, told) = lines.split_at(COLUMNS);
        // Nothing is left to be told before the first step and behind the last.
        let is_under_way = !bar.contains(" 0/24 ") && !bar.contains(" 24/24 ");
        assert!(bar.contains("/24 "), "{bar:?}");
        assert_eq!(bar.contains("s left "), is_under_way, "{bar:?}");
        assert!(told.len() <= COLUMNS, "{told:?}");
        let is_whole = told.starts_with("loss ") && told.trim_end().ends_with(" MB");
        assert!(told.is_empty() || is_whole, "{told:?}");
    }
}

/// A line without what moves the cursor.
fn plain(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    let shown = |part: &str| {
        let end = part.find(|char: char| char.is_ascii_alphabetic());
        end.map_or("", |end| &part[end + 1..]).to_owned()
    };
    first + &parts.map(shown).collect::<String>()
}
