//! Running other programs from the workspace root, with errors that name the command.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a task ends with: a message for the terminal when it fails.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The profile of tests and lints, one for all of them: build scripts and macros are then built once.
pub(crate) const TESTED: &str = "--profile=ci";

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The shared data and oracles beside the workspace, where they are.
pub(crate) fn shared() -> Option<PathBuf> {
    let path = std::env::var_os("IDIOLECT_SHARED");
    let path = path.map_or_else(|| root().join("../shared"), PathBuf::from);
    path.is_dir().then_some(path)
}

/// A program that runs in the workspace root.
pub(crate) fn program(name: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(root());
    command
}

/// The cargo that runs this task, without what it said of this package: a build script that reads such variables (of
/// `ring`) would run anew, and all that depends on it, after each cargo that a person calls.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = program(
        std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
        arguments,
    );
    for (name, _) in std::env::vars_os() {
        let of_package = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if of_package {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Builds packages of this workspace as their users do.
pub(crate) fn build(packages: &[&str]) -> Outcome {
    let mut build = cargo(&["build", "--release", "--locked"]);
    build.args(packages.iter().flat_map(|package| ["--package", package]));
    run(&mut build)
}

/// A program that [`build`] has left.
pub(crate) fn built(name: &str, arguments: &[&str]) -> Command {
    program(root().join("target/release").join(name), arguments)
}

/// Runs a command with its output on the terminal.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command
        .status()
        .map_err(|e| format!("{}: {e}", shown(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", shown(command)))
    }
}

/// Runs a command and returns what it printed on standard output.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let done = command.stderr(Stdio::inherit()).output();
    let done = done.map_err(|e| format!("{}: {e}", shown(command)))?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        Err(format!("{}: {}", shown(command), done.status))
    }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
