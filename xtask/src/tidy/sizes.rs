//! How large folders, the program and the facade may be.

use std::collections::BTreeMap;
use std::path::Path;

use super::files::{read, shown, text_files};
use super::packages::dependencies;
use crate::shell::{Outcome, root};

/// Source files that a folder may have.
const FILES: usize = 16;
/// Folder of the program, and the lines that it may have: 3,000, and 120 more for each command that was added (`chat`,
/// `doctor`, `export`, `fetch`, `serve`, `init`, `push`, `distill-online`, `lend`; those that list names count for none), and 120 of usages and examples.
const PROGRAM: (&str, usize) = ("apps/idiolect-cli", 4200);
/// Folder of the facade, and the lines that it may have.
const FACADE: (&str, usize) = ("crates/idiolect", 2440);

/// Folders with too many files, packages with too many lines, and a program that knows more than the facade.
pub(super) fn check() -> Outcome<Vec<String>> {
    let mut breaches = crowded()?;
    for (folder, limit) in [PROGRAM, FACADE] {
        let lines = lines(&root().join(folder).join("src"))?;
        if lines > limit {
            breaches.push(format!("{folder}/src: {lines} lines, at most {limit}"));
        }
    }
    let program = root().join(PROGRAM.0);
    if !program.is_dir() {
        breaches.push(format!("{}: not there", PROGRAM.0));
        return Ok(breaches);
    }
    let found = dependencies(&program)?;
    if found != ["idiolect"] {
        let program = PROGRAM.0;
        breaches.push(format!(
            "{program}: expected an edge to idiolect alone, found {found:?}"
        ));
    }
    Ok(breaches)
}

/// Folders anywhere in the workspace that hold more source files than one can look over.
fn crowded() -> Outcome<Vec<String>> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for path in text_files()? {
        if path.extension().is_some_and(|end| end == "rs") {
            *counts
                .entry(shown(path.parent().unwrap_or(&path)))
                .or_default() += 1;
        }
    }
    counts.retain(|_, count| FILES < *count);
    let line = |(folder, count)| {
        format!("{folder}: {count} source files, at most {FILES}; folders by concept")
    };
    Ok(counts.into_iter().map(line).collect())
}

/// Lines of all source files below a folder.
fn lines(folder: &Path) -> Outcome<usize> {
    let mut lines = 0;
    for path in text_files()? {
        if path.starts_with(folder) && path.extension().is_some_and(|end| end == "rs") {
            lines += read(&path)?.lines().count();
        }
    }
    Ok(lines)
}
