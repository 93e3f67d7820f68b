//! What a source file takes from elsewhere: `use` trees and paths in its code.

use super::source::group;

/// A name that a `use` brings in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    /// The path, segment by segment; `*` at its end takes all names.
    pub(super) path: Vec<String>,
    /// What it is called here.
    pub(super) name: String,
    /// Whether others may take it from here.
    pub(super) public: bool,
}

/// One module of a file: the file itself, or a part of it in braces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// Names that `use` brings in.
    pub(super) imports: Vec<Import>,
    /// Paths of at least two segments that its code names.
    pub(super) paths: Vec<Vec<String>>,
    /// Single names in its code, outside `use`.
    pub(super) names: Vec<String>,
    /// Items that it declares for others, public ones at its top.
    pub(super) items: Vec<String>,
    /// Modules in files of their own, with the file where an attribute names it.
    pub(super) files: Vec<String>,
    /// Modules in braces.
    pub(super) inner: Vec<(String, Scope)>,
}

const ITEMS: [&str; 8] = [
    "struct", "enum", "trait", "fn", "type", "const", "static", "union",
];

impl Scope {
    /// Reads the words of a file.
    pub(super) fn read(words: &[String]) -> Self {
        let mut scope = Self::default();
        let (mut at, mut depth) = (0, 0_usize);
        while at < words.len() {
            match words[at].as_str() {
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            at += scope.take(words, at, depth == 0);
        }
        scope
    }

    /// Takes what begins at a word; how many words it is.
    fn take(&mut self, words: &[String], at: usize, is_top: bool) -> usize {
        let rest = &words[at..];
        let word = |offset: usize| rest.get(offset).map_or("", String::as_str);
        match word(0) {
            "use" => self.imports(rest, is_public(&words[..at])),
            "mod" if word(2) == ";" => {
                self.files.push(word(1).to_owned());
                3
            }
            "mod" if word(2) == "{" => {
                let length = group(&rest[2..]);
                let inner = Self::read(&rest[3..2 + length - 1]);
                self.inner.push((word(1).to_owned(), inner));
                2 + length
            }
            name if is_top && ITEMS.contains(&name) => {
                if is_public(&words[..at]) {
                    // `pub const fn name`
                    let item = (1..4).map(word).find(|word| !ITEMS.contains(word));
                    self.items.extend(item.map(str::to_owned));
                }
                1
            }
            name if begins_name(name) => self.path(rest),
            _ => 1,
        }
    }

    /// A name in code, or a path of several.
    fn path(&mut self, rest: &[String]) -> usize {
        let mut path = vec![rest[0].clone()];
        while let [colons, next, ..] = &rest[2 * path.len() - 1..]
            && colons == "::"
            && begins_name(next)
        {
            path.push(next.clone());
        }
        let length = 2 * path.len() - 1;
        match path.as_slice() {
            [one] => self.names.push(one.clone()),
            _ => self.paths.push(path),
        }
        length
    }

    fn imports(&mut self, rest: &[String], public: bool) -> usize {
        let end = rest
            .iter()
            .position(|word| word == ";")
            .unwrap_or(rest.len());
        let mut leaves = Vec::new();
        tree(&rest[1..end], &[], &mut leaves);
        self.imports.extend(
            leaves
                .into_iter()
                .map(|(path, name)| Import { path, name, public }),
        );
        end + 1
    }
}

/// Whether the words before an item make it public: `pub`, or `pub(...)`.
fn is_public(before: &[String]) -> bool {
    match before {
        [.., last] if last == "pub" => true,
        [.., last] if last == ")" => {
            let open = before.iter().rposition(|word| word == "(");
            open.is_some_and(|open| 0 < open && before[open - 1] == "pub")
        }
        _ => false,
    }
}

fn begins_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The leaves of a `use` tree: path and name.
fn tree(words: &[String], before: &[String], leaves: &mut Vec<(Vec<String>, String)>) {
    let mut path = before.to_vec();
    let mut at = 0;
    while at < words.len() {
        match words[at].as_str() {
            "::" => at += 1,
            "{" => {
                let inside = &words[at + 1..at + group(&words[at..]) - 1];
                for part in parts(inside) {
                    tree(part, &path, leaves);
                }
                return;
            }
            "as" => {
                let name = words.get(at + 1).cloned().unwrap_or_default();
                leaves.push((path, name));
                return;
            }
            "self" if !path.is_empty() => at += 1,
            word => {
                path.push(word.to_owned());
                at += 1;
            }
        }
    }
    if let Some(name) = path.last().cloned() {
        leaves.push((path, name));
    }
}

/// The parts of a list, split at its own commas.
fn parts(words: &[String]) -> Vec<&[String]> {
    let (mut parts, mut begins, mut at) = (Vec::new(), 0, 0);
    while at < words.len() {
        match words[at].as_str() {
            "{" => at += group(&words[at..]),
            "," => {
                parts.push(&words[begins..at]);
                at += 1;
                begins = at;
            }
            _ => at += 1,
        }
    }
    parts.push(&words[begins..]);
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::super::source::words;
    use super::Scope;

    fn read(text: &str) -> Scope {
        Scope::read(&words(text))
    }

    #[test]
    fn use_trees_are_taken_apart() {
        let scope =
            read("use a::{b, c::{self, D as E}, f::*}; pub(crate) use super::g; pub use h;");
        let shown = scope.imports.iter().map(|one| {
            let mark = if one.public { "pub " } else { "" };
            format!("{mark}{} as {}", one.path.join("::"), one.name)
        });
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                "a::b as b",
                "a::c as c",
                "a::c::D as E",
                "a::f::* as *",
                "pub super::g as g",
                "pub h as h"
            ]
        );
    }

    #[test]
    fn modules_items_and_paths_are_found() {
        let scope = read(
            "mod a; pub mod b { use super::c; } pub struct D; pub(crate) const fn e() { crate::f::g(h) } fn i() {}",
        );
        assert_eq!(scope.files, ["a"]);
        assert_eq!(scope.inner[0].0, "b");
        assert_eq!(scope.inner[0].1.imports[0].path, ["super", "c"]);
        assert_eq!(scope.items, ["D", "e"]);
        assert_eq!(scope.paths, [["crate", "f", "g"]]);
        assert!(scope.names.contains(&"h".to_owned()));
    }
}
