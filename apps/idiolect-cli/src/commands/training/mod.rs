//! Commands that train an adapter.

pub(crate) mod online;
pub(crate) mod train;

use std::path::{Path, PathBuf};

use idiolect::data::RunDir;

/// The file of settings: the one that was named, else the `run.toml` of a run that resumes, where it has one.
fn config(named: Option<&Path>, resume: bool, out: Option<&Path>) -> Option<PathBuf> {
    let own = || {
        let own = RunDir::new(out?).run_toml();
        (resume && own.is_file()).then_some(own)
    };
    named.map(Path::to_owned).or_else(own)
}
