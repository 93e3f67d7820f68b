//! What is in a folder that somebody names, and several paths in a message.

use std::fs;
use std::path::{Path, PathBuf};

/// Entries of a folder that are looked at.
const MOST: usize = 1000;
/// Paths that a message names, at most.
const FEW: usize = 5;

/// What is in a folder, sorted, of at most a thousand entries; nothing of one that cannot be read.
#[must_use]
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(MOST);
    let mut paths: Vec<PathBuf> = entries.filter_map(|one| Some(one.ok()?.path())).collect();
    paths.sort();
    paths
}

/// The first few paths, with commas between, and how many more there are.
///
/// ```
/// # use idiolect_input::few;
/// assert_eq!(few(&["a".into(), "b".into()]), "a, b");
/// let many: Vec<_> = (0..7).map(|one| one.to_string().into()).collect();
/// assert_eq!(few(&many), "0, 1, 2, 3, 4 and 2 more");
/// ```
#[must_use]
pub fn few(paths: &[PathBuf]) -> String {
    let named = paths
        .iter()
        .take(FEW)
        .map(|path| path.display().to_string());
    let named = named.collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(FEW) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
