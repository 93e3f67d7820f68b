//! The text of a first configuration: each setting under a comment that says what it is for.

use std::fmt::Write;
use std::path::Path;

use idiolect_data::settings::{Layer, to_toml};

use crate::{FineTuneError, Forecast, TrainSettings};

/// A comment, and the keys below it.
type Part = (&'static str, &'static [&'static str]);

const MODEL: [Part; 3] = [
    (
        "A Hugging Face folder, a .gguf file, or a name on the Hub. Paths are as seen from where the command runs.",
        &["model"],
    ),
    (
        "Where it computes, and in which type.",
        &["device", "dtype"],
    ),
    (
        "Bits of the frozen projections: more do not fit into the memory of this machine.",
        &["quantize"],
    ),
];
const DATA: [Part; 2] = [
    (
        "Examples, and the columns that hold question and answer; `idiolect inspect --model M --data FILE` shows what is trained.",
        &["data", "format", "instruction_column", "response_column"],
    ),
    (
        "Share of the examples that is held out: its loss tells when more training no longer helps.",
        &["validation_share"],
    ),
];
const ADAPTER: [Part; 1] = [(
    "The adapter. A higher rank and targets = \"all-linear\" learn more and forget more.",
    &["rank", "alpha", "targets"],
)];
const FULL: [Part; 1] = [("Every weight is trained, not an adapter.", &["full"])];
const LOOP: [Part; 3] = [
    (
        "Rows of a micro-batch, the most that fit, and micro-batches of a step.",
        &["batch_size", "accumulation"],
    ),
    ("Passes over the examples.", &["epochs"]),
    ("The first setting to try others of.", &["learning_rate"]),
];
const RUN: [Part; 1] = [(
    "The run directory: settings, logs, checkpoints and the result. Another run takes another one.",
    &["out"],
)];

/// The text; it holds what differs from one run to another, and nothing that has another meaning without it.
///
/// # Errors
///
/// [`FineTuneError::Lm`] for a value that a TOML file cannot hold.
pub(super) fn text(
    settings: &TrainSettings,
    forecast: &Forecast,
    file: &Path,
) -> Result<String, FineTuneError> {
    let values = Layer::parse("settings", &to_toml(settings)?)?.values;
    let mut text = head(forecast, file);
    let trained: &[Part] = if settings.finetune.full {
        &FULL
    } else {
        &ADAPTER
    };
    for (comment, keys) in [&MODEL[..], &DATA, trained, &LOOP, &RUN].concat() {
        let mut lines = String::new();
        for key in keys.iter().filter(|key| !is_idle(key, settings)) {
            if let Some(value) = values.get(*key) {
                let _ = writeln!(lines, "{key} = {value}");
            }
        }
        if !lines.is_empty() {
            let _ = write!(text, "\n# {comment}\n{lines}");
        }
    }
    Ok(text)
}

/// Whether a key says nothing in this file.
fn is_idle(key: &str, settings: &TrainSettings) -> bool {
    let is_pair = settings.data.format.to_string() == "alpaca";
    key.ends_with("_column") && !is_pair
}

fn head(forecast: &Forecast, file: &Path) -> String {
    let mut text = format!(
        "# A training: idiolect train --config {}\n\
         # Every option of `idiolect train --help` may stand here, with _ for -.\n\
         #\n\
         # This machine: ",
        file.display()
    );
    for (place, line) in forecast.to_string().lines().enumerate() {
        let lead = if place == 0 { "" } else { "# " };
        let _ = writeln!(text, "{lead}{line}");
    }
    text
}
