//! `idiolect doctor`: what this machine has for the work: threads, memory, devices, the Hub, the sandbox.
//!
//! Nothing here fails: what cannot be had is said in its line.

use std::path::Path;

use idiolect::eval::{Limits, Sandbox};
use idiolect::hub::{Hub, HubConfig, Repo, RepoKind};
use idiolect::input::shown;
use idiolect::lm::device::{DEVICES, device, free_memory, is_card, is_host};

use crate::commands::about::names::table;
use crate::error::CliError;
use crate::output;

/// Runs the command.
pub(crate) fn run() -> Result<(), CliError> {
    output::text(&table(found().into_iter()))
}

/// Looks at this machine: it touches each device that is compiled in, and asks the Hub once.
fn found() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |name: &str, found: String| lines.push((name.to_owned(), found));
    line("version", env!("CARGO_PKG_VERSION").to_owned());
    line("machine", idiolect::data::machine());
    for (name, is_in) in DEVICES.iter().filter(|(name, _)| *name != "flex") {
        let found = match device(name) {
            _ if !is_in => "not compiled in".to_owned(),
            Ok(device) if !is_host(&device) && !is_card(&device) => {
                "ready, without a card: its driver computes on the CPU".to_owned()
            }
            Ok(device) => free_memory(&device).map_or("ready".to_owned(), |bytes| {
                format!("ready, {} MB free", bytes / 1_000_000)
            }),
            Err(error) => error.to_string(),
        };
        line(&format!("device {name}"), found);
    }
    for (name, found) in hub() {
        line(name, found);
    }
    let sandbox = Sandbox::new(Path::new("python3"), Limits::default());
    let sandbox = sandbox.map_or_else(|error| error.to_string(), |_| "ready, with python3".into());
    line("sandbox of humaneval", sandbox);
    lines
}

/// The Hub's cache, token and reach.
fn hub() -> Vec<(&'static str, String)> {
    let config = match HubConfig::of_user() {
        Ok(config) => config,
        Err(error) => return vec![("Hub", error.to_string())],
    };
    let token = config.token.as_ref();
    let token = token.map_or("none".into(), |token| format!("from {}", token.source));
    let mut lines = vec![
        ("Hub cache", config.cache.display().to_string()),
        ("Hub token", token),
    ];
    let reach = if config.offline {
        "not asked: offline is set".to_owned()
    } else {
        let endpoint = config.endpoint.clone();
        let hub = Hub::new(HubConfig {
            attempts: 1,
            ..config
        });
        let asked =
            Repo::new(RepoKind::Model, ASKED, None).and_then(|repo| hub.list(&repo, &|_| {}));
        asked.map_or_else(
            |error| shown(&error.to_string(), LONGEST).into_owned(),
            |_| format!("{endpoint} answers"),
        )
    };
    lines.push(("Hub", reach));
    lines
}

/// Characters of what is said of the Hub.
const LONGEST: usize = 160;

/// A small public model that the Hub is asked for.
const ASKED: &str = "HuggingFaceTB/SmolLM2-135M-Instruct";
