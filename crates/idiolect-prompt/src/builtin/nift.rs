//! Preset `nift-2409`: non-instructional fine-tuning (arXiv 2409.00096) trains by template `vanilla` of
//! `LLaMA-Factory` 0.5: no mark before the text, first and second part encoded by themselves.

use super::general::{CONTENT, vanilla};
use crate::{NamedTemplate, Preset, Slot};

/// Its one template.
pub(crate) fn preset() -> Preset {
    let template = NamedTemplate {
        name: "nift-2409/vanilla".into(),
        start: Vec::new(),
        system: vec![Slot::text(CONTENT)],
        joined: false,
        ..vanilla()
    };
    Preset {
        name: "nift-2409".into(),
        templates: vec![template],
        distill: Vec::new(),
    }
}
