//! Rules for each source file: an opening comment, a bounded length, no trace of one machine.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{Outcome, root};

/// Lines that a file may have before its tests.
const LINES: usize = 300;
/// Lines that a recipe may have.
const RECIPE_LINES: usize = 150;
/// Grants a file more lines than [`LINES`], for a reason that follows.
const ALLOW: &str = concat!("// tidy: ", "allow(file-length)");
/// Parts of paths and addresses that mean nothing on another machine; split, for this file is checked too.
const FOREIGN: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("/tm", "p/"),
];
/// Endings of text files in which [`FOREIGN`] is looked for.
const TEXT: [&str; 6] = ["rs", "md", "toml", "py", "yml", "sh"];

/// Exceptions and breaches of all files in the workspace.
pub(super) fn check() -> Outcome<(Vec<String>, Vec<String>)> {
    let (mut exceptions, mut breaches) = (Vec::new(), Vec::new());
    for path in text_files()? {
        let text = read(&path)?;
        let shown = shown(&path);
        let foreign = FOREIGN.iter().find(|part| text.contains(**part));
        breaches
            .extend(foreign.map(|part| format!("{shown}: names a place of one machine: {part}")));
        if path.extension().is_some_and(|end| end == "rs") {
            check_source(&shown, &text, &mut exceptions, &mut breaches);
        }
    }
    Ok((exceptions, breaches))
}

fn check_source(path: &str, text: &str, exceptions: &mut Vec<String>, breaches: &mut Vec<String>) {
    if !text.starts_with("//!") && !text.starts_with("#![doc = include_str!") {
        breaches.push(format!("{path}: does not open with what it is (//!)"));
    }
    let before_tests = text
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"));
    let (before, limit) = (before_tests.count(), limit(path));
    let whole = text.lines().count();
    let excess = if before > limit {
        format!("{before} lines before its tests, at most {limit}")
    } else if whole > 2 * LINES {
        format!("{whole} lines with its tests, at most {}", 2 * LINES)
    } else {
        return;
    };
    match text
        .lines()
        .find_map(|line| line.trim().strip_prefix(ALLOW))
    {
        Some(reason) if !reason.trim().is_empty() => {
            exceptions.push(format!("{path}: {excess}:{reason}"));
        }
        _ => breaches.push(format!("{path}: {excess}")),
    }
}

fn limit(path: &str) -> usize {
    if path.starts_with("examples/recipes/") {
        RECIPE_LINES
    } else if path.split('/').any(|part| part == "tests") {
        // A source file may have as many lines of tests again; so may a file that is nothing but tests.
        2 * LINES
    } else {
        LINES
    }
}

/// All text files that belong to the workspace, sorted.
pub(super) fn text_files() -> Outcome<Vec<PathBuf>> {
    let mut all = all_files()?;
    let text = |path: &Path| {
        path.extension()
            .is_some_and(|end| TEXT.iter().any(|t| *t == end))
    };
    all.retain(|path| text(path) || path.ends_with(".ci/run"));
    Ok(all)
}

/// All files that belong to the workspace, sorted in each folder.
pub(super) fn all_files() -> Outcome<Vec<PathBuf>> {
    let mut all = Vec::new();
    for folder in [
        "crates", "apps", "docs", "examples", "tests", "xtask", ".ci", ".cargo",
    ] {
        collect(&root().join(folder), &mut all)?;
    }
    let top = entries(&root())?;
    all.extend(top.into_iter().filter(|path| path.is_file()));
    Ok(all)
}

/// Adds all files below a folder.
fn collect(folder: &Path, all: &mut Vec<PathBuf>) -> Outcome {
    for path in entries(folder)? {
        if path.is_dir() {
            collect(&path, all)?;
        } else {
            all.push(path);
        }
    }
    Ok(())
}

/// What a folder holds, sorted; nothing when there is no such folder.
pub(super) fn entries(folder: &Path) -> Outcome<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let io = |e: std::io::Error| format!("{}: {e}", folder.display());
    let found: Result<Vec<_>, _> = fs::read_dir(folder).map_err(io)?.collect();
    let mut paths: Vec<PathBuf> = found.map_err(io)?.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    Ok(paths)
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// A path as seen from the workspace root.
pub(super) fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}
