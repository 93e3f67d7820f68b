//! `idiolect templates` and `idiolect presets`: the names that options take.

use idiolect::continuation::PRESETS;
use idiolect::eval::Task;
use idiolect::generate::Sampler;
use idiolect::prompt::{ContextTemplate, DistillTemplate, NamedTemplate};
use serde_json::json;

use crate::error::CliError;
use crate::output;

/// The chat templates that `--template` takes.
pub(crate) fn templates() -> Result<(), CliError> {
    output::text(&list(&NamedTemplate::names()))
}

/// What `--preset` and `--sampler` take, by command.
pub(crate) fn presets() -> Result<(), CliError> {
    let of = |title: &str, names: &[String]| format!("{title}\n{}", list(names));
    let continued: Vec<String> = PRESETS.map(str::to_owned).to_vec();
    let samplers = [Sampler::Greedy, Sampler::Sdft2402].map(|own| json!(own));
    let samplers: Vec<String> = samplers
        .iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    let text = [
        of("distill --preset, sdft --preset", &DistillTemplate::names()),
        of("distill-online --context", &ContextTemplate::names()),
        of("continue --preset", &continued),
        of("--sampler", &samplers),
    ];
    output::text(&text.join("\n"))
}

/// The tasks that `--task` takes.
pub(crate) fn tasks() -> Result<(), CliError> {
    output::text(&list(&Task::names()))
}

/// One name a line.
fn list(names: &[String]) -> String {
    names.join("\n") + "\n"
}
