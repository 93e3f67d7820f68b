//! The edges between the crates, and the crates that stay free of Burn.
//!
//! docs/ARCHITECTURE.md draws them; a new one needs a page in docs/decisions.

use super::packages::dependencies;
use crate::shell::{Outcome, cargo, output, root};

/// Every library crate and the crates of this workspace that it depends on, all of them.
const EDGES: [(&str, &[&str]); 23] = [
    ("input", &[]),
    ("http", &[]),
    ("hub", &["http", "input"]),
    ("data", &["input"]),
    ("prompt", &["input", "data"]),
    ("tokens", &["input", "prompt"]),
    ("generate", &[]),
    ("completion", &["input", "data", "prompt", "generate"]),
    ("metrics", &[]),
    ("distill", &["data", "prompt", "metrics", "completion"]),
    ("continuation", &["input", "data", "completion"]),
    ("teacher", &["completion", "http", "input"]),
    ("eval", &["input", "hub", "data", "metrics", "completion"]),
    ("report", &["input", "data", "metrics"]),
    ("kernels", &[]),
    ("embed", &["input"]),
    ("model", &["input", "kernels"]),
    ("lora", &["input", "kernels", "model"]),
    ("train", &["input", "data", "kernels", "tokens"]),
    (
        "lm",
        &[
            "input",
            "hub",
            "data",
            "prompt",
            "tokens",
            "generate",
            "completion",
            "kernels",
            "model",
            "lora",
        ],
    ),
    (
        "forgetting",
        &["data", "tokens", "generate", "completion", "metrics", "lm"],
    ),
    (
        "serve",
        &[
            "input",
            "http",
            "data",
            "tokens",
            "generate",
            "completion",
            "lm",
        ],
    ),
    (
        "finetune",
        &[
            "forgetting",
            "input",
            "lm",
            "train",
            "lora",
            "model",
            "tokens",
            "prompt",
            "data",
            "completion",
            "report",
            "http",
        ],
    ),
];
/// Crates that build in seconds: no tensor library, in tests neither.
const LIGHT: [&str; 14] = [
    "input",
    "http",
    "hub",
    "data",
    "prompt",
    "tokens",
    "generate",
    "completion",
    "metrics",
    "distill",
    "continuation",
    "teacher",
    "eval",
    "report",
];
/// Members that may depend on any crate: the facade, and what helps tests.
const FREE: [&str; 2] = ["idiolect", "idiolect-testkit"];

/// Edges that differ from [`EDGES`], and Burn where it must not be.
pub(super) fn check() -> Outcome<Vec<String>> {
    let mut breaches = unlisted_crates()?;
    for (name, allowed) in EDGES {
        let found = dependencies(&root().join(format!("crates/idiolect-{name}")))?;
        let mut allowed: Vec<String> = allowed.iter().map(|to| format!("idiolect-{to}")).collect();
        allowed.sort();
        if found != allowed {
            breaches.push(format!(
                "idiolect-{name}: expected edges to {allowed:?}, found {found:?}"
            ));
        }
    }
    for name in LIGHT {
        let edges = "normal,build,dev";
        breaches.extend(burn_below(
            &format!("idiolect-{name}"),
            &["--edges", edges],
        )?);
    }
    // What the facade is without its features; its tests do use models.
    let bare = ["--no-default-features", "--edges", "normal,build"];
    breaches.extend(burn_below("idiolect", &bare)?);
    Ok(breaches)
}

fn unlisted_crates() -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for folder in super::files::entries(&root().join("crates"))? {
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let listed = EDGES
            .iter()
            .any(|(known, _)| name.strip_prefix("idiolect-") == Some(*known));
        if !listed && !FREE.contains(&name.as_str()) {
            breaches.push(format!("crates/{name}: not in the list of edges"));
        }
    }
    Ok(breaches)
}

fn burn_below(package: &str, more: &[&str]) -> Outcome<Vec<String>> {
    let tree = ["tree", "--locked", "--prefix", "none", "--package", package];
    let tree = output(cargo(&tree).args(more))?;
    let mut tensors: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    tensors
        .retain(|name| *name == "burn" || name.starts_with("burn-") || name.starts_with("candle"));
    tensors.sort_unstable();
    tensors.dedup();
    Ok(tensors
        .into_iter()
        .map(|found| format!("{package}: depends on {found}"))
        .collect())
}
