//! Messages by shorthand, and the files that tests read.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "each test file uses a part; helpers of tests may panic, and say what is skipped"
)]

use std::path::{Path, PathBuf};

use idiolect_data::{Message, Role};
use serde_json::Value;

pub(crate) fn system(content: &str) -> Message {
    Message {
        role: Role::System,
        content: content.into(),
    }
}

pub(crate) fn user(content: &str) -> Message {
    Message {
        role: Role::User,
        content: content.into(),
    }
}

pub(crate) fn assistant(content: &str) -> Message {
    Message {
        role: Role::Assistant,
        content: content.into(),
    }
}

/// The golden chat templates, see golden/make.py.
pub(crate) fn golden() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/chat_templates.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A file of the shared folder; `None`, with a message, where that folder is absent.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("IDIOLECT_SHARED").map_or(beside, PathBuf::from);
    let file = folder.join(path);
    if file.exists() {
        return Some(file);
    }
    assert!(
        std::env::var_os("IDIOLECT_REQUIRE_SHARED").is_none(),
        "missing {}",
        file.display()
    );
    eprintln!("skipped: no {}", file.display());
    None
}
