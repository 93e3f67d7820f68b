//! `idiolect doctor`: what this machine has for the work: threads, memory, devices, the Hub, the sandbox.
//!
//! Nothing here fails: what cannot be had is said in its line.

use std::path::Path;

use idiolect::data::table;
use idiolect::eval::{Limits, Sandbox};
use idiolect::hub::hub_state;
use idiolect::lm::device::{DEVICES, state};

use crate::error::CliError;
use crate::output;

/// Runs the command.
pub(crate) fn run() -> Result<(), CliError> {
    output::text(&table(&found()))
}

/// Looks at this machine: it touches each device that is compiled in, and asks the Hub once.
fn found() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |name: &str, found: String| lines.push((name.to_owned(), found));
    line("version", env!("CARGO_PKG_VERSION").to_owned());
    line("machine", idiolect::data::machine());
    for (name, _) in DEVICES.iter().filter(|(name, _)| *name != "flex") {
        line(&format!("device {name}"), state(name));
    }
    for (name, found) in hub_state() {
        line(name, found);
    }
    let sandbox = Sandbox::new(Path::new("python3"), Limits::default());
    let sandbox = sandbox.map_or_else(|error| error.to_string(), |_| "ready, with python3".into());
    line("sandbox of humaneval", sandbox);
    lines
}
