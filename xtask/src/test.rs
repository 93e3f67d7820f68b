//! `cargo xtask test`: fetches what the tests use and runs them all.
//!
//! Without the shared oracles, or without a network, the tests that need them say so and end.

use std::process::Command;

use crate::{fetch, shell};

/// Sets up and runs the tests.
pub(crate) fn run() -> shell::Outcome {
    let mut tests = shell::cargo(&["test", "--release", "--workspace", "--locked"]);
    require_what_is_there(&mut tests)?;
    shell::run(&mut tests)
}

/// Tests may skip what could not be had, and nothing else.
fn require_what_is_there(tests: &mut Command) -> shell::Outcome {
    if shell::shared().is_some() {
        tests.env("IDIOLECT_REQUIRE_SHARED", "1");
    }
    let fetched = fetch::smollm2().and_then(|_| fetch::minilm());
    match fetched.and_then(|_| fetch::smollm2_folder()) {
        Ok(Some(_)) => {
            tests.env("IDIOLECT_REQUIRE_MODEL", "1");
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(message) if std::env::var_os("CI").is_some() => Err(message),
        Err(message) => {
            println!("the tests of the real model are skipped: {message}");
            Ok(())
        }
    }
}
