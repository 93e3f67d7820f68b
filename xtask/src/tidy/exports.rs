//! Names that two crates export for two things, which nobody can import side by side.

use std::collections::BTreeMap;
use std::path::Path;

use super::modules::{Modules, Place};
use crate::shell::{Outcome, root};

/// Names that may stand for two things, each with the reason.
const ALLOWED: [(&str, &str); 1] = [(
    "BoxError",
    "an alias for one type of the standard library, in crates that do not depend on each other",
)];

/// Where a thing is declared: its crate and the path of its file and name there, or its path outside.
type Origin = (String, String);

/// Names at the root of two crates that are not the same thing, and exceptions that nothing needs.
pub(super) fn check() -> Outcome<Vec<String>> {
    let crates = crates()?;
    let mut owners: BTreeMap<String, BTreeMap<Origin, Vec<String>>> = BTreeMap::new();
    for (name, modules) in &crates {
        for (exported, origin) in exports(&crates, name, modules) {
            let things = owners.entry(exported).or_default();
            things.entry(origin).or_default().push(name.clone());
        }
    }
    owners.retain(|_, things| 1 < things.len());
    Ok(breaches(&owners, &ALLOWED))
}

fn breaches(
    owners: &BTreeMap<String, BTreeMap<Origin, Vec<String>>>,
    allowed: &[(&str, &str)],
) -> Vec<String> {
    let is_allowed = |name: &str| {
        allowed
            .iter()
            .any(|(own, reason)| *own == name && !reason.is_empty())
    };
    let doubled = owners.iter().filter(|(name, _)| !is_allowed(name));
    let mut breaches: Vec<String> = doubled
        .map(|(name, things)| {
            let things: Vec<String> = things
                .keys()
                .map(|(place, path)| format!("{place} ({path})"))
                .collect();
            format!(
                "the name {name} is exported for {} things: {}",
                things.len(),
                things.join(", ")
            )
        })
        .collect();
    let unneeded = allowed
        .iter()
        .filter(|(name, _)| !owners.contains_key(*name));
    breaches
        .extend(unneeded.map(|(name, _)| format!("the name {name} needs no exception any more")));
    breaches
}

/// Every library of `crates/` by the name under which it is imported.
fn crates() -> Outcome<BTreeMap<String, Modules>> {
    let mut found = BTreeMap::new();
    for folder in super::files::entries(&root().join("crates"))? {
        let lib = folder.join("src/lib.rs");
        if lib.is_file() {
            let name = folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .replace('-', "_");
            found.insert(name, Modules::read(&lib)?);
        }
    }
    Ok(found)
}

/// The names at the root of a crate, modules apart, with where each is declared.
fn exports(
    crates: &BTreeMap<String, Modules>,
    name: &str,
    modules: &Modules,
) -> Vec<(String, Origin)> {
    let scope = &modules.0[0].scope;
    let mut found = Vec::new();
    for item in &scope.items {
        found.push((item.clone(), declared(name, &modules.0[0].file, item)));
    }
    for import in scope
        .imports
        .iter()
        .filter(|import| import.public && import.name != "*")
    {
        if let Some(origin) = origin(crates, name, &import.path, 0) {
            found.push((import.name.clone(), origin));
        }
    }
    found
}

/// Where a path of a crate's root leads, through other crates too; nothing for a module or a whole crate.
fn origin(
    crates: &BTreeMap<String, Modules>,
    name: &str,
    path: &[String],
    depth: usize,
) -> Option<Origin> {
    let modules = crates.get(name)?;
    match modules.resolve(0, path) {
        Place::Module(_) => None,
        Place::Item(module, item) => Some(declared(name, &modules.0[module].file, &item)),
        Place::Outside(path) => match path.split_first()? {
            (_, []) => None,
            (other, rest) if crates.contains_key(other) && depth < 8 => {
                origin(crates, other, &within(rest), depth + 1)
            }
            (other, rest) => Some((other.clone(), rest.join("::"))),
        },
    }
}

/// A path that begins at a crate's root.
fn within(path: &[String]) -> Vec<String> {
    std::iter::once("crate".to_owned())
        .chain(path.iter().cloned())
        .collect()
}

fn declared(name: &str, file: &Path, item: &str) -> Origin {
    (
        name.to_owned(),
        format!("{}::{item}", super::files::shown(file)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Crates of one file each.
    fn found(crates: &[(&str, &str)]) -> Vec<String> {
        let folder = std::env::temp_dir().join(format!("idiolect-exports-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let one = |(name, text): &(&str, &str)| {
            let lib = folder.join(format!("{name}.rs"));
            std::fs::write(&lib, text).unwrap();
            ((*name).to_owned(), Modules::read(&lib).unwrap())
        };
        let crates: BTreeMap<String, Modules> = crates.iter().map(one).collect();
        std::fs::remove_dir_all(&folder).unwrap();
        let mut owners: BTreeMap<String, BTreeMap<Origin, Vec<String>>> = BTreeMap::new();
        for (name, modules) in &crates {
            for (exported, origin) in exports(&crates, name, modules) {
                owners
                    .entry(exported)
                    .or_default()
                    .entry(origin)
                    .or_default()
                    .push(name.clone());
            }
        }
        owners.retain(|_, things| 1 < things.len());
        let found = breaches(&owners, &[("Gone", "a reason")]);
        found
            .iter()
            .map(|line| line.replace(&format!("{}/", folder.display()), ""))
            .collect()
    }

    #[test]
    fn one_thing_under_one_name_may_be_passed_on() {
        let crates = [
            (
                "low",
                "pub struct Thing; pub type Fault = (); pub mod settings {}",
            ),
            (
                "mid",
                "pub use low::Thing; pub struct Own; pub mod settings {}",
            ),
            (
                "top",
                "pub use mid::Thing; pub use low; pub type Fault = ();",
            ),
        ];
        assert_eq!(
            found(&crates),
            [
                "the name Fault is exported for 2 things: low (low.rs::Fault), top (top.rs::Fault)",
                "the name Gone needs no exception any more",
            ]
        );
    }
}
