//! Import circles: files of a crate that need one another, which nobody can read one after the other.
//!
//! A file needs another where its code, or a `use`, names something that the other declares; what a module only
//! passes on counts for the file that declares it. Tests do not count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use super::files::shown;
use super::modules::{Modules, Place};
use super::packages::roots;
use crate::shell::Outcome;

/// The files that each file needs, with one name that it needs of them.
type Needs = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

/// A line for each group of files that need one another.
pub(super) fn check() -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for root in roots()? {
        for circle in circles(&root)? {
            breaches.push(format!("import circle: {circle}"));
        }
    }
    Ok(breaches)
}

fn circles(root: &Path) -> Outcome<Vec<String>> {
    let needs = needs(&Modules::read(root)?);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for file in needs.keys() {
        if seen.contains(file) {
            continue;
        }
        if let Some(circle) = shortest(&needs, file) {
            let step = |pair: &[PathBuf]| {
                let name = &needs[&pair[0]][&pair[1]];
                format!(" -> {} ({name})", shown(&pair[1]))
            };
            let steps: Vec<String> = circle.windows(2).map(step).collect();
            found.push(format!("{}{}", shown(file), steps.concat()));
            seen.extend(circle);
        }
    }
    Ok(found)
}

/// The shortest way from a file back to itself.
fn shortest(needs: &Needs, file: &Path) -> Option<Vec<PathBuf>> {
    let mut ways = VecDeque::from([vec![file.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let last = way.last()?;
        for next in needs.get(last).into_iter().flat_map(BTreeMap::keys) {
            let longer: Vec<PathBuf> = way.iter().chain([next]).cloned().collect();
            if next == file {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push_back(longer);
            }
        }
    }
    None
}

fn needs(modules: &Modules) -> Needs {
    let mut needs = Needs::new();
    for (number, module) in modules.0.iter().enumerate() {
        let own = needs.entry(module.file.clone()).or_default();
        for path in taken(modules, number) {
            let (Place::Module(other) | Place::Item(other, _)) = modules.resolve(number, &path)
            else {
                continue;
            };
            let file = &modules.0[other].file;
            if *file != module.file {
                own.entry(file.clone()).or_insert_with(|| path.join("::"));
            }
        }
    }
    needs
}

/// The paths that a module's own code needs.
fn taken(modules: &Modules, number: usize) -> Vec<Vec<String>> {
    let scope = &modules.0[number].scope;
    let mut paths = scope.paths.clone();
    for import in &scope.imports {
        let is_named = scope.names.contains(&import.name);
        let is_prefix = scope.paths.iter().any(|path| path[0] == import.name);
        let is_module = matches!(modules.resolve(number, &import.path), Place::Module(_));
        // Of a module the names behind it count; what is passed on and not used here does not count.
        let counts = if import.public || (is_module && import.name != "*") {
            is_named || (is_prefix && !is_module)
        } else {
            true
        };
        if counts {
            paths.push(import.path.clone());
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// The circles of a crate whose files are given, by their names.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let own = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(format!("idiolect-circles-{}-{}", own.0, own.1));
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let found = circles(&folder.join("lib.rs")).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let prefix = format!("{}/", folder.display());
        found.iter().map(|line| line.replace(&prefix, "")).collect()
    }

    #[test]
    fn two_files_that_need_each_other_are_a_circle() {
        let lib = ("lib.rs", "mod a; mod b; pub use a::A;");
        let a = ("a.rs", "use crate::b::B; pub struct A(B);");
        let b = ("b.rs", "pub struct B; fn f(a: &crate::A) {}");
        assert_eq!(
            found(&[lib, a, b]),
            ["a.rs -> b.rs (crate::b::B) -> a.rs (crate::A)"]
        );
    }

    #[test]
    fn a_parent_that_uses_its_child_is_in_a_circle_with_it() {
        let lib = ("lib.rs", "mod a;");
        let a = ("a/mod.rs", "mod b; pub struct A; fn f() { b::g() }");
        let b = ("a/b.rs", "use super::A; pub fn g() -> A {}");
        assert_eq!(
            found(&[lib, a, b]),
            ["a/b.rs -> a/mod.rs (super::A) -> a/b.rs (b::g)"]
        );
    }

    #[test]
    fn passing_names_on_is_no_circle() {
        let files = [
            (
                "lib.rs",
                "mod error; mod set; mod rows; pub use error::E; pub use set::{S, read}; pub use rows::*;",
            ),
            ("error.rs", "pub enum E {}"),
            (
                "set.rs",
                "use crate::{E, R}; use crate::rows; pub struct S(R); pub fn read() -> E { rows::read() }",
            ),
            (
                "rows/mod.rs",
                "mod read; mod row; pub use read::read; pub use row::R;",
            ),
            (
                "rows/read.rs",
                "use super::row::R; use crate::E; pub fn read() -> Result<R, E> {}",
            ),
            (
                "rows/row.rs",
                "pub struct R; #[cfg(test)] mod tests { use crate::read; }",
            ),
        ];
        assert!(found(&files).is_empty());
    }

    #[test]
    fn names_behind_a_module_count_where_they_are_declared() {
        let files = [
            ("lib.rs", "mod a; mod rows; pub struct Own;"),
            (
                "a.rs",
                "use crate::rows; pub struct A; fn f() { rows::read() }",
            ),
            ("rows/mod.rs", "mod read; pub use read::read;"),
            ("rows/read.rs", "pub fn read() { let a: crate::a::A; }"),
        ];
        assert_eq!(
            found(&files),
            ["a.rs -> rows/read.rs (rows::read) -> a.rs (crate::a::A)"]
        );
    }
}
