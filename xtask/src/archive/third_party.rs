//! The licences of everything that is in the program: each package with its licence, and the texts that lie beside the
//! sources, each once.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{Outcome, cargo, output};

/// Beginnings of the names of files that hold a licence or a notice.
const NAMES: [&str; 4] = ["LICENSE", "LICENCE", "COPYING", "NOTICE"];

/// The list and the texts.
pub(super) fn text(features: Option<&str>) -> Outcome<String> {
    let mut tree = cargo(&["tree", "--locked", "--package", "idiolect-cli"]);
    tree.args([
        "--edges", "normal", "--prefix", "none", "--format", "{p}|{l}",
    ]);
    tree.args(
        features
            .iter()
            .flat_map(|features| ["--features", features]),
    );
    let listed = output(&mut tree)?;
    let mut metadata = cargo(&["metadata", "--locked", "--format-version", "1"]);
    let folders = folders(&output(&mut metadata)?);
    let (mut list, mut texts) = (String::new(), BTreeMap::<String, Vec<String>>::new());
    for (package, licence) in packages(&listed) {
        let _ = writeln!(list, "{package}: {licence}");
        for text in folders
            .get(&package)
            .into_iter()
            .flat_map(|folder| licences(folder))
        {
            texts.entry(text).or_default().push(package.clone());
        }
    }
    let mut all = format!("Packages in this program, and their licences:\n\n{list}");
    for (text, packages) in texts {
        let line = "-".repeat(80);
        let _ = write!(
            all,
            "\n{line}\n{}:\n\n{}\n",
            packages.join(", "),
            text.trim()
        );
    }
    Ok(all)
}

/// Name, version and licence of each package but this workspace's own.
fn packages(listed: &str) -> BTreeMap<String, String> {
    let lines = listed
        .lines()
        .filter_map(|line| line.trim_end_matches(" (*)").split_once('|'));
    let others = lines.filter(|(package, _)| !package.contains('('));
    let named = others.map(|(package, licence)| {
        let package = package.replacen(" v", " ", 1);
        (package, licence.to_owned())
    });
    named.collect()
}

/// The folders of all packages by name and version, from their manifests' paths: that of a package of the registry ends
/// in both.
fn folders(metadata: &str) -> BTreeMap<String, PathBuf> {
    let paths = metadata.split("\"manifest_path\":\"").skip(1);
    let paths = paths.filter_map(|rest| Path::new(rest.split('"').next()?).parent());
    let named = paths.filter_map(|folder| {
        let name = folder.file_name()?.to_str()?;
        // The version begins behind the last hyphen that a digit follows and no later name does.
        let at = name.match_indices('-').map(|(at, _)| at).find(|at| {
            name[at + 1..].starts_with(|c: char| c.is_ascii_digit()) && name[at + 1..].contains('.')
        })?;
        Some((
            format!("{} {}", &name[..at], &name[at + 1..]),
            folder.to_owned(),
        ))
    });
    named.collect()
}

/// The texts beside the sources of a package.
fn licences(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_uppercase();
        path.is_file() && NAMES.iter().any(|begin| name.starts_with(begin))
    });
    paths.sort();
    paths
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_by_name_and_version() {
        let listed =
            "idiolect-cli v0.2.0 (/work)|MIT\nclap v4.6.1|MIT OR Apache-2.0\nclap v4.6.1 (*)|MIT\n";
        let found: Vec<_> = packages(listed).into_keys().collect();
        assert_eq!(found, ["clap 4.6.1"]);
        let metadata = r#"{"manifest_path":"/r/src/x/rand_core-0.9.5/Cargo.toml"},{"manifest_path":"/r/x/wasi-0.11.1+wasi-snapshot-preview1/Cargo.toml"}"#;
        let found: Vec<_> = folders(metadata).into_keys().collect();
        assert_eq!(
            found,
            ["rand_core 0.9.5", "wasi 0.11.1+wasi-snapshot-preview1"]
        );
    }
}
