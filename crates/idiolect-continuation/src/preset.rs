//! Settings of the paper (arXiv 2409.00096) by name, as files.

use idiolect_data::settings::Layer;

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

/// The preset that the last of some layers names, as one to lie beneath all of them; none where none names one.
///
/// # Errors
///
/// As [`preset`].
pub fn preset_layer(layers: &[Layer]) -> Result<Option<Layer>, ContinuationError> {
    let name = |layer: &Layer| Some(layer.values.get("preset")?.as_str()?.to_owned());
    let layer = |values| Layer {
        name: "preset".to_owned(),
        values,
    };
    let named = layers.iter().rev().find_map(name);
    Ok(named.map(|name| preset(&name)).transpose()?.map(layer))
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

    #[test]
    fn the_last_layer_with_a_preset_has_it() {
        let layer = |text: &str| Layer::parse("file", text).unwrap();
        let below = layer("preset = \"nift-2409\"");
        let above = layer("preset = \"nift-2409/original\"");
        let found = |layers: &[Layer]| preset_layer(layers).unwrap().map(|layer| layer.values);
        let original = preset("nift-2409/original").unwrap();
        assert_eq!(found(&[below.clone(), above]), Some(original));
        let plain = preset("nift-2409").unwrap();
        assert_eq!(found(&[below, layer("seed = 1")]), Some(plain));
        assert_eq!(found(&[layer("seed = 1")]), None);
    }
}
