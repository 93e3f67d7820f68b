//! `cargo xtask deny`: licences, sources and bans by deny.toml, with `cargo deny` where that is installed, and without
//! it by the same checks of `cargo xtask tidy`; `cargo xtask deny advisories` asks the database of known faults.

use std::process::Stdio;

use crate::shell::{self, Outcome};

/// How the program is installed.
const INSTALL: &str = "cargo install cargo-deny --locked";

/// Checks what needs no network.
pub(crate) fn run() -> Outcome {
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
