//! What a machine has for the work: threads, memory, devices, the Hub, the sandbox.
//!
//! Nothing here fails: what cannot be had is said in its line.

use std::fmt;
use std::path::Path;

use idiolect_eval::{Limits, Sandbox};
use idiolect_lm::device::{DEVICES, device};

/// What a machine has, a line each; shown, a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doctor {
    /// Names and findings.
    pub lines: Vec<(String, String)>,
}

/// Looks at this machine: it touches each device that is compiled in, and asks the Hub once.
#[must_use]
pub fn doctor() -> Doctor {
    let mut lines = Vec::new();
    let mut line = |name: &str, found: String| lines.push((name.to_owned(), found));
    line("version", env!("CARGO_PKG_VERSION").to_owned());
    line("machine", idiolect_data::machine());
    let free = idiolect_finetune::available_memory();
    let free = free.map_or("not told by the system".into(), |bytes| {
        format!("{} MB", bytes / 1_000_000)
    });
    line("free memory", free);
    for (name, is_in) in DEVICES.iter().filter(|(name, _)| *name != "flex") {
        let found = match device(name) {
            _ if !is_in => "not compiled in".to_owned(),
            Ok(_) => "ready".to_owned(),
            Err(error) => error.to_string(),
        };
        line(&format!("device {name}"), found);
    }
    #[cfg(feature = "hub")]
    for (name, found) in hub() {
        line(name, found);
    }
    let sandbox = Sandbox::new(Path::new("python3"), Limits::default());
    let sandbox = sandbox.map_or_else(|error| error.to_string(), |_| "ready, with python3".into());
    line("sandbox of humaneval", sandbox);
    Doctor { lines }
}

/// The Hub's cache, token and reach.
#[cfg(feature = "hub")]
fn hub() -> Vec<(&'static str, String)> {
    use idiolect_hub::{Hub, HubConfig, Repo, RepoKind};

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
        asked.map_or_else(|error| error.to_string(), |_| format!("{endpoint} answers"))
    };
    lines.push(("Hub", reach));
    lines
}

/// A small public model that the Hub is asked for.
#[cfg(feature = "hub")]
const ASKED: &str = "HuggingFaceTB/SmolLM2-135M-Instruct";

impl fmt::Display for Doctor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .lines
            .iter()
            .map(|(name, _)| name.len())
            .max()
            .unwrap_or(0);
        let mut lines = self.lines.iter();
        lines.try_for_each(|(name, found)| writeln!(f, "{name:<width$}  {found}"))
    }
}
