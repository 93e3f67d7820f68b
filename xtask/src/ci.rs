//! `cargo xtask ci`: everything that a change must pass, cheapest first.

use std::process::Command;
use std::time::Instant;

use crate::shell::TESTED;
use crate::{package, parity, shell, test, tidy};

/// Runs all steps and stops at the first that fails.
///
/// The demo is no step: the end-to-end tests run its stages on fewer rows.
pub(crate) fn run() -> shell::Outcome {
    step("format", || {
        shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))
    })?;
    step("tidy", tidy::run)?;
    step("dependencies", package::deny)?;
    step("clippy", || shell::run(&mut clippy()))?;
    step("few features", few_features)?;
    step("documentation", || shell::run(&mut documentation()))?;
    step("packages", package::run)?;
    step("tests", || test::run(parity::features_on_wgpu().as_deref()))?;
    step("parity on wgpu", parity::on_wgpu)
}

fn clippy() -> Command {
    let lint = ["clippy", TESTED, "--workspace", "--all-targets", "--locked"];
    let mut command = shell::cargo(&lint);
    // With the device of the tests, whose kernels are looked at too, and with lent devices, whose tests are a command of
    // their own: the crates of their network take minutes to build.
    command.arg(parity::features_with_remote());
    command.args(["--", "-D", "warnings"]);
    command
}

/// The crate `idiolect` as programs embed it that need a part: the workspace's own features hide what a part lacks.
fn few_features() -> shell::Outcome {
    let parts = ["", "hub,server", "train", "serve"];
    parts.iter().try_for_each(|features| {
        let lint = ["clippy", TESTED, "--package=idiolect", "--locked"];
        let mut command = shell::cargo(&lint);
        command.args(["--no-default-features", "--features", features]);
        command.args(["--", "-D", "warnings"]);
        shell::run(&mut command)
    })
}

fn documentation() -> Command {
    let mut command = shell::cargo(&["doc", TESTED, "--workspace", "--no-deps", "--locked"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}

fn step(name: &str, task: impl FnOnce() -> shell::Outcome) -> shell::Outcome {
    println!("== {name}");
    let start = Instant::now();
    task().map_err(|message| format!("{name}: {message}"))?;
    println!("== {name}: {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}
