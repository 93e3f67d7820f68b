//! docs/METHOD.md: every row has a state, what is held names a test, and rows that a clone alone proves name no test
//! that looks for files outside it.
//!
//! That the named files exist is checked with the other names.

use std::path::Path;

use super::files::read;
use super::names::code_spans;
use crate::shell::{Outcome, root};

const PAGE: &str = "docs/METHOD.md";
/// With which its tables begin.
const HEADER: &str = "| statement | state | how | test | runs |";
const STATES: [&str; 5] = ["held", "part", "measured", "differs", "absent"];
const NEEDS: [&str; 5] = ["clone", "part", "shared", "model", "–"];
/// How tests look for files that are not in a clone.
const LOOKUPS: [&str; 5] = [
    "shared(",
    "shared_file(",
    "Place::new",
    "smollm2_",
    "minilm(",
];

/// Rows that are not as the page says they are.
pub(super) fn check() -> Outcome<Vec<String>> {
    let page = read(&root().join(PAGE))?;
    let mut breaches = Vec::new();
    for row in rows(&page) {
        if let Some(problem) = problem(row) {
            breaches.push(format!("{PAGE}: {problem}: {row}"));
        }
    }
    Ok(breaches)
}

/// The rows of the tables of statements.
fn rows(page: &str) -> impl Iterator<Item = &str> {
    page.split(HEADER).skip(1).flat_map(|table| {
        table
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with("| "))
    })
}

fn problem(row: &str) -> Option<String> {
    let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
    let [_, state, _, test, needs] = cells.as_slice() else {
        return Some(format!("expected five cells, found {}", cells.len()));
    };
    if !STATES.contains(state) || !NEEDS.contains(needs) {
        return Some(format!("no such state or need: {state}, {needs}"));
    }
    let spans = code_spans(test);
    let tests: Vec<&String> = spans
        .iter()
        .filter(|span| Path::new(span).extension().is_some_and(|end| end == "rs"))
        .collect();
    if tests.is_empty() != (*needs == "–") || tests.is_empty() && *state == "held" {
        return Some("expected a test, and what it needs".to_owned());
    }
    if *needs != "clone" {
        return None;
    }
    for test in tests {
        let text = std::fs::read_to_string(root().join(test)).unwrap_or_default();
        if let Some(lookup) = LOOKUPS.iter().find(|lookup| text.contains(**lookup)) {
            return Some(format!("{test} looks for more than a clone has ({lookup})"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{HEADER, problem, rows};

    #[test]
    fn rows_of_statements_are_found_and_judged() {
        let page = format!(
            "| a | b |\n|---|---|\n| x | y |\n\n{HEADER}\n|---|---|---|---|---|\n| s | held | h | – | – |\n\nend"
        );
        let found: Vec<&str> = rows(&page).collect();
        assert_eq!(found, ["| s | held | h | – | – |"]);
        let said = |row: &str| problem(row).unwrap_or_default();
        assert_eq!(said(found[0]), "expected a test, and what it needs");
        assert_eq!(said("| s | absent | h | – | – |"), "");
        assert_eq!(
            said("| s | done | h | – | – |"),
            "no such state or need: done, –"
        );
        let own = "| s | held | h | `xtask/src/tidy/names.rs` | clone |";
        assert_eq!(said(own), "");
        let shared = "| s | held | h | `crates/idiolect-testkit/src/place.rs` | clone |";
        assert!(said(shared).contains("looks for more than a clone has"));
    }
}
