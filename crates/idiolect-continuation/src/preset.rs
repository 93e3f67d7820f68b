//! Settings of the paper (arXiv 2409.00096) by name, as files.

use crate::error::ContinuationError;

/// The names of the presets.
pub const PRESETS: [&str; 3] = ["nift-2409", "nift-2409/claude", "nift-2409/original"];

const FILES: [&str; 3] = [
    include_str!("../presets/nift-2409.toml"),
    include_str!("../presets/nift-2409-claude.toml"),
    include_str!("../presets/nift-2409-original.toml"),
];

/// The settings of a preset by key; those of how text is generated among them.
///
/// They stand beneath what a user's file and command line say.
///
/// # Errors
///
/// [`ContinuationError::Setting`] for a name that is none of [`PRESETS`].
pub fn preset(name: &str) -> Result<toml::Table, ContinuationError> {
    let found = PRESETS.iter().position(|known| *known == name);
    let unknown = || ContinuationError::setting("preset", PRESETS.join(", "), name);
    let text = FILES[found.ok_or_else(unknown)?];
    text.parse()
        .map_err(|error: toml::de::Error| ContinuationError::setting("preset", "TOML", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_read_and_others_are_named() {
        for name in PRESETS {
            assert!(preset(name).unwrap().contains_key("documents"), "{name}");
        }
        assert_eq!(
            preset("nift").unwrap_err().to_string(),
            "preset: expected nift-2409, nift-2409/claude, nift-2409/original, found nift"
        );
    }
}
