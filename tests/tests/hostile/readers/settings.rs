//! Settings, templates and formats of the user's own.

use std::path::Path;

use idiolect::data::RowFormat;
use idiolect::data::settings::{read_file, resolve};
use idiolect::finetune::plan;
use idiolect::{BoxError, TrainSettings};

use super::models::{open, scores};
use crate::reading::{Reader, any};

pub(super) const READERS: [Reader; 3] = [
    any("settings", "train.toml", settings),
    any("template", "template.toml", template),
    any("settings", "format.toml", format),
];

/// Settings as `train` takes them, up to its plan of memory.
fn settings(root: &Path, file: &str) -> Result<String, BoxError> {
    let mut settings: TrainSettings = resolve(&[read_file(&root.join(file))?])?;
    settings.check()?;
    let read = format!("{settings:?}");
    settings.model.model = root.join("model").display().to_string();
    settings.data.data = vec![root.join("rows.jsonl")];
    plan(&settings)?;
    Ok(read)
}

fn template(root: &Path, file: &str) -> Result<String, BoxError> {
    let model = open(root, "model")?;
    scores(&model.with_template(&root.join(file).display().to_string())?)
}

fn format(root: &Path, file: &str) -> Result<String, BoxError> {
    let format = RowFormat::read(&root.join(file))?;
    format.check()?;
    Ok(format!("{format:?}"))
}
