//! `cargo xtask package`: whether every crate can be published, without uploading anything.
//!
//! Packages are made and dry-run, not built again: the tests build the same sources.

use std::process::Command;

use crate::shell;

/// Members that are never published.
const PRIVATE: [&str; 5] = [
    "idiolect-testkit",
    "idiolect-tests",
    "idiolect-recipes",
    "idiolect-experiment",
    "xtask",
];

/// Packages every crate, then goes through publishing all of them as far as uploading.
pub(crate) fn run() -> shell::Outcome {
    for command in [["package", "--no-verify"], ["publish", "--dry-run"]] {
        let mut cargo = shell::cargo(&command);
        cargo.args(["--workspace", "--locked", "--allow-dirty", "--quiet"]);
        if command[0] == "publish" {
            cargo.arg("--no-verify");
        }
        cargo.args(PRIVATE.iter().flat_map(|name| ["--exclude", name]));
        shell::run(&mut cargo)?;
    }
    Ok(())
}

/// Breaking changes of the published crates since a revision, by `cargo-semver-checks`, which must be installed.
///
/// The revision is checked out beside the build, since the tool's own checkout misses revisions that no remote has.
pub(crate) fn semver(revision: &str) -> shell::Outcome {
    let baseline = shell::root().join("target/semver-baseline");
    let worktree = |verb: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(shell::root()).arg("worktree").args(verb);
        git
    };
    if baseline.exists() {
        shell::run(worktree(&["remove", "--force"]).arg(&baseline))?;
    }
    shell::run(worktree(&["add", "--detach"]).arg(&baseline).arg(revision))?;
    let mut checks = shell::cargo(&["semver-checks", "--workspace", "--default-features"]);
    checks.arg("--baseline-root").arg(&baseline);
    checks.args(PRIVATE.iter().flat_map(|name| ["--exclude", name]));
    let outcome = shell::run(&mut checks);
    shell::run(worktree(&["remove", "--force"]).arg(&baseline))?;
    outcome
}
