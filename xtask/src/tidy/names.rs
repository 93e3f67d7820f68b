//! Names in the documentation: each path and symbol that a page sets in code type must exist.
//!
//! A path begins with a folder of this workspace, with `::item` behind it for something in that file; a
//! symbol begins with a crate's name, `idiolect_data::Dataset`.

use std::path::Path;

use super::files::{read, shown, text_files};
use crate::shell::{Outcome, root};

/// Folders with which a path begins.
const FOLDERS: [&str; 8] = [
    "crates/",
    "apps/",
    "docs/",
    "examples/",
    "tests/",
    "xtask/",
    ".ci/",
    ".cargo/",
];

/// Names in Markdown pages that lead nowhere.
pub(super) fn check() -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for page in text_files()? {
        if page.extension().is_none_or(|end| end != "md") {
            continue;
        }
        for name in code_spans(&read(&page)?) {
            if !exists(&name)? {
                breaches.push(format!("{}: there is no {name}", shown(&page)));
            }
        }
    }
    Ok(breaches)
}

/// Single-word code spans of a page, outside its code blocks.
pub(super) fn code_spans(page: &str) -> Vec<String> {
    let blocks = page.split("```").step_by(2);
    let spans = blocks.flat_map(|text| text.split('`').skip(1).step_by(2));
    spans
        .filter(|span| !span.contains([' ', '*', '{', '<']))
        .map(Into::into)
        .collect()
}

/// Whether a name is none of ours, or leads somewhere.
fn exists(name: &str) -> Outcome<bool> {
    let (place, item) = name.split_once("::").unwrap_or((name, ""));
    let item = item
        .rsplit("::")
        .next()
        .unwrap_or_default()
        .trim_end_matches("()");
    if FOLDERS.iter().any(|folder| name.starts_with(folder)) {
        let path = root().join(place);
        return Ok(path.exists() && (item.is_empty() || declares(&path, item)?));
    }
    if !place.starts_with("idiolect_") || item.is_empty() {
        return Ok(true);
    }
    let sources = root()
        .join("crates")
        .join(place.replace('_', "-"))
        .join("src");
    for file in text_files()?
        .iter()
        .filter(|file| file.starts_with(&sources))
    {
        if declares(file, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a source file declares an item, a method or a variant of that name.
fn declares(file: &Path, item: &str) -> Outcome<bool> {
    let keywords = [
        "fn", "struct", "enum", "trait", "type", "const", "mod", "static",
    ];
    let declared = |line: &str| {
        let words: Vec<&str> = line
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .collect();
        let by_keyword = words
            .windows(2)
            .any(|pair| keywords.contains(&pair[0]) && pair[1] == item);
        by_keyword || line.trim_start().starts_with(item) && line.starts_with(' ')
    };
    Ok(read(file)?.lines().any(declared))
}

#[cfg(test)]
mod tests {
    use super::{code_spans, exists};

    #[test]
    fn spans_in_code_blocks_are_no_names() {
        let page = "`a` and\n```rust\nlet `b`;\n```\n`c::d` but `two words`";
        assert_eq!(code_spans(page), ["a", "c::d"]);
    }

    #[test]
    fn paths_and_items_are_looked_up() {
        let found = |name| exists(name).unwrap();
        assert!(found("xtask/src/tidy/names.rs::code_spans"));
        assert!(!found("xtask/src/tidy/names.rs::no_such_thing"));
        assert!(!found("crates/nowhere"));
        assert!(found("someone_elses::Thing"));
        assert!(found("idiolect_model::ModelConfig"));
        assert!(!found("idiolect_model::NoSuchThing"));
    }
}
