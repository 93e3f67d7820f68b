//! The edges between the crates, and the crates that stay free of Burn.
//!
//! docs/ARCHITECTURE.md draws them; a new one needs a page in docs/decisions.

use super::files::read;
use crate::shell::{Outcome, cargo, output, root};

/// Every library crate and the crates of this workspace that it depends on, all of them.
const EDGES: [(&str, &[&str]); 14] = [
    ("data", &[]),
    ("prompt", &["data"]),
    ("tokens", &["prompt"]),
    ("generate", &[]),
    ("metrics", &[]),
    ("distill", &["data", "prompt", "metrics"]),
    ("eval", &["data", "metrics"]),
    ("continuation", &["data"]),
    ("teacher", &["generate"]),
    ("kernels", &[]),
    ("embed", &[]),
    ("model", &["kernels"]),
    ("lora", &["model"]),
    ("train", &["kernels", "tokens"]),
];
/// Crates that build in seconds: no tensor library, in tests neither.
const LIGHT: [&str; 9] = [
    "data",
    "prompt",
    "tokens",
    "generate",
    "metrics",
    "distill",
    "continuation",
    "teacher",
    "eval",
];
/// Members that may depend on any crate: the facade, and what helps tests.
const FREE: [&str; 2] = ["idiolect", "idiolect-testkit"];

/// Edges that differ from [`EDGES`], and Burn where it must not be.
pub(super) fn check() -> Outcome<Vec<String>> {
    let mut breaches = unlisted_crates()?;
    for (name, allowed) in EDGES {
        let manifest = read(&root().join(format!("crates/idiolect-{name}/Cargo.toml")))?;
        let mut found = members_in(&manifest, "[dependencies]");
        let mut allowed: Vec<String> = allowed.iter().map(|to| format!("idiolect-{to}")).collect();
        found.sort();
        allowed.sort();
        if found != allowed {
            breaches.push(format!(
                "idiolect-{name}: expected edges to {allowed:?}, found {found:?}"
            ));
        }
    }
    for name in LIGHT {
        breaches.extend(burn_below(name)?);
    }
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

/// Members of this workspace that a section of a manifest names.
fn members_in(manifest: &str, section: &str) -> Vec<String> {
    let lines = manifest
        .lines()
        .skip_while(|line| line.trim() != section)
        .skip(1);
    let lines = lines.take_while(|line| !line.trim_start().starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', '=', ' ']).next());
    names
        .filter(|name| name.starts_with("idiolect"))
        .map(Into::into)
        .collect()
}

fn burn_below(name: &str) -> Outcome<Vec<String>> {
    let package = format!("idiolect-{name}");
    let tree = [
        "tree",
        "--locked",
        "--prefix",
        "none",
        "--edges",
        "normal,build,dev",
        "--package",
    ];
    let tree = output(cargo(&tree).arg(&package))?;
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

#[cfg(test)]
mod tests {
    use super::members_in;

    #[test]
    fn only_the_named_section_counts() {
        let manifest = "[dependencies]\nidiolect-data.workspace = true\nserde = \"1\"\n\n\
            [dev-dependencies]\nidiolect-testkit = { path = \"x\" }\n";
        assert_eq!(members_in(manifest, "[dependencies]"), ["idiolect-data"]);
        assert_eq!(
            members_in(manifest, "[dev-dependencies]"),
            ["idiolect-testkit"]
        );
    }
}
