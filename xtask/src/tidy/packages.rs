//! The packages of this workspace, and the files at which their crates begin.

use std::path::{Path, PathBuf};

use super::files::{entries, read};
use crate::shell::{Outcome, root};

/// Folders that hold packages, and folders that are one.
const HOLDERS: [&str; 3] = ["crates", "apps", "examples"];
const SINGLE: [&str; 2] = ["tests", "xtask"];

/// The folders of all packages, sorted.
pub(super) fn packages() -> Outcome<Vec<PathBuf>> {
    let mut folders: Vec<PathBuf> = SINGLE.map(|name| root().join(name)).to_vec();
    for holder in HOLDERS {
        folders.extend(entries(&root().join(holder))?);
    }
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    folders.sort();
    Ok(folders)
}

/// The first file of every crate: libraries, programs, and tests of several files.
pub(super) fn roots() -> Outcome<Vec<PathBuf>> {
    let mut roots = Vec::new();
    for package in packages()? {
        roots.extend(["src/lib.rs", "src/main.rs", "lib.rs"].map(|name| package.join(name)));
        for folder in ["tests", "benches", "examples", "src/bin"] {
            for entry in entries(&package.join(folder))? {
                let is_source = entry.extension().is_some_and(|end| end == "rs");
                roots.push(if is_source {
                    entry
                } else {
                    entry.join("main.rs")
                });
            }
        }
    }
    roots.retain(|root| root.is_file());
    Ok(roots)
}

/// Members of this workspace that a package depends on to be built, sorted.
pub(super) fn dependencies(package: &Path) -> Outcome<Vec<String>> {
    Ok(members_in(&read(&package.join("Cargo.toml"))?))
}

fn members_in(manifest: &str) -> Vec<String> {
    let mut section = "";
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
            // `[dependencies.NAME]`
            let named = section
                .rsplit_once('.')
                .filter(|(kind, _)| is_dependencies(kind));
            found.extend(named.map(|(_, name)| name));
        } else if is_dependencies(section) {
            found.extend(line.split(['.', '=', ' ']).next());
        }
    }
    found.retain(|name| name.starts_with("idiolect"));
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(Into::into).collect()
}

/// `dependencies` and `build-dependencies`, those of a target too.
fn is_dependencies(section: &str) -> bool {
    let kind = section.rsplit('.').next().unwrap_or(section);
    ["dependencies", "build-dependencies"].contains(&kind)
        && (section == kind || section.starts_with("target."))
}

#[cfg(test)]
mod tests {
    use super::members_in;

    #[test]
    fn sections_that_build_the_package_count() {
        let manifest = "[dependencies]\nidiolect-data.workspace = true\nserde = \"1\"\n\n\
            [dependencies.idiolect-model]\npath = \"x\"\n[target.'cfg(unix)'.dependencies]\nidiolect-lm = \"1\"\n\
            [features]\nidiolect-none = []\n[dev-dependencies]\nidiolect-testkit = { path = \"x\" }\n";
        assert_eq!(
            members_in(manifest),
            ["idiolect-data", "idiolect-lm", "idiolect-model"]
        );
    }
}
