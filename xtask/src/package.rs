//! `cargo xtask package`: whether every crate can be published, without uploading anything; `cargo xtask deny`: what
//! comes with them.
//!
//! Packages are made and dry-run, not built again: the tests build the same sources.
//! Licences, sources and bans follow deny.toml: with `cargo deny` where that is installed, and without it by the same
//! checks of `cargo xtask tidy`.

use std::process::{Command, Stdio};

use crate::shell::{self, Outcome};

/// Members that are never published.
const PRIVATE: [&str; 5] = [
    "idiolect-testkit",
    "idiolect-tests",
    "idiolect-recipes",
    "idiolect-experiment",
    "xtask",
];

/// How cargo-deny is installed.
const INSTALL: &str = "cargo install cargo-deny --locked";

/// Goes through publishing all crates as far as uploading, which packages each of them.
pub(crate) fn run() -> Outcome {
    let mut cargo = shell::cargo(&["publish", "--dry-run", "--no-verify"]);
    cargo.args(["--workspace", "--locked", "--allow-dirty", "--quiet"]);
    cargo.args(PRIVATE.iter().flat_map(|name| ["--exclude", name]));
    shell::run(&mut cargo)
}

/// Breaking changes of the published crates since a revision, by `cargo-semver-checks`, which must be installed.
///
/// The revision is checked out beside the build, since the tool's own checkout misses revisions that no remote has.
pub(crate) fn semver(revision: &str) -> Outcome {
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

/// Checks what needs no network.
pub(crate) fn deny() -> Outcome {
    if is_installed() {
        let check = ["deny", "--locked", "check", "bans", "licenses", "sources"];
        return shell::run(&mut shell::cargo(&check));
    }
    println!(
        "cargo-deny is not installed ({INSTALL}); `cargo xtask tidy` checks licences and sources"
    );
    Ok(())
}

/// Checks dependencies against the database of known faults, which is fetched.
pub(crate) fn advisories() -> Outcome {
    if is_installed() {
        shell::run(&mut shell::cargo(&[
            "deny",
            "--locked",
            "check",
            "advisories",
        ]))
    } else {
        Err(format!("cargo-deny is not installed: {INSTALL}"))
    }
}

fn is_installed() -> bool {
    let mut version = shell::cargo(&["deny", "--version"]);
    let quiet = version.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
