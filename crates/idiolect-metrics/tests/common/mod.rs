//! The recorded values, which stand beside the repository (`shared/data`).
//!
//! Without them tests say so and pass, or fail where `IDIOLECT_REQUIRE_SHARED` is set.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it"
)]

use serde_json::Value;

/// A file below `shared/data`; nothing, said aloud, where it is absent.
pub(crate) fn file(name: &str) -> Option<String> {
    let path = idiolect_testkit::shared_file(&format!("data/{name}"))?;
    Some(std::fs::read_to_string(path).unwrap())
}

/// The rows of a file of JSON Lines; none where it is absent.
pub(crate) fn rows(name: &str) -> Vec<Value> {
    let text = file(name).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
