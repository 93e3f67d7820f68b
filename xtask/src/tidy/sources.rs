//! Where dependencies come from and how they are asked for, by the rules of deny.toml: from crates.io or this
//! workspace alone, and never in any version.
//!
//! `cargo deny check bans sources` checks the same where it is installed; compiling it takes longer than this
//! workspace's own checks together, so that the list of locked packages is read here instead.

use super::files::read;
use super::packages::packages;
use crate::shell::{Outcome, root};

/// The only registry.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Locked packages from elsewhere, and dependencies without a version.
pub(super) fn check() -> Outcome<Vec<String>> {
    let mut breaches = foreign(&read(&root().join("Cargo.lock"))?);
    let mut manifests = vec![root()];
    manifests.extend(packages()?);
    for folder in manifests {
        let path = folder.join("Cargo.toml");
        let manifest = read(&path)?;
        breaches.extend(
            wildcards(&manifest)
                .iter()
                .map(|line| format!("{}: any version of a dependency: {line}", path.display())),
        );
    }
    Ok(breaches)
}

/// Packages whose source is not crates.io; those of this workspace have none.
fn foreign(lock: &str) -> Vec<String> {
    let mut name = "";
    let mut found = Vec::new();
    for line in lock.lines() {
        let value = |key: &str| line.strip_prefix(key)?.strip_suffix('"');
        if let Some(package) = value("name = \"") {
            name = package;
        } else if let Some(source) = value("source = \"").filter(|source| *source != CRATES_IO) {
            found.push(format!("{name}: source {source} is not crates.io"));
        }
    }
    found
}

/// Lines of a manifest that take any version.
fn wildcards(manifest: &str) -> Vec<&str> {
    let lines = manifest.lines().map(str::trim);
    let wild = |line: &&str| {
        let value = line.split_once('=').map_or("", |(_, value)| value.trim());
        value == "\"*\"" || value.replace(' ', "").contains("version=\"*\"")
    };
    lines.filter(wild).collect()
}

#[cfg(test)]
mod tests {
    use super::{foreign, wildcards};

    #[test]
    fn other_sources_and_any_versions_are_found() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
            source = \"registry+https://github.com/rust-lang/crates.io-index\"\n\n\
            [[package]]\nname = \"own\"\nversion = \"1.0.0\"\n\n\
            [[package]]\nname = \"b\"\nsource = \"git+https://example.org/b#1\"\n\
            [[package]]\nname = \"c\"\nsource = \"registry+https://example.org/index\"\n";
        assert_eq!(
            foreign(lock),
            [
                "b: source git+https://example.org/b#1 is not crates.io",
                "c: source registry+https://example.org/index is not crates.io",
            ]
        );
        let manifest =
            "a = \"1\"\nb = \"*\"\nc = { version = \"*\", features = [] }\nd = { path = \"x\" }";
        assert_eq!(wildcards(manifest).len(), 2);
    }
}
