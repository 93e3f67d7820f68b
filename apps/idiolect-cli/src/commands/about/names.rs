//! `idiolect templates` and `idiolect presets`: the names that options take.

use idiolect::continuation::PRESETS;
use idiolect::data::table;
use idiolect::eval::{DATA_FILES, DataFile, Task};
use idiolect::generate::Sampler;
use idiolect::prompt::{ContextTemplate, DistillTemplate, NamedTemplate};
use serde_json::json;

use crate::error::CliError;
use crate::output;

/// The chat templates that `--template` takes, each with what it makes of a question and its answer.
pub(crate) fn templates() -> Result<(), CliError> {
    let row = |name: String| {
        let sketch = NamedTemplate::by_name(&name).map(|template| template.sketch());
        (name, sketch.unwrap_or_default())
    };
    let rows: Vec<_> = NamedTemplate::names().into_iter().map(row).collect();
    output::text(&table(&rows))
}

/// What `--preset` and `--sampler` take, by command.
pub(crate) fn presets() -> Result<(), CliError> {
    let of = |title: &str, names: &[String]| format!("{title}\n{}\n", names.join("\n"));
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

/// The tasks that `--task` takes, with the files that each wants.
pub(crate) fn tasks() -> Result<(), CliError> {
    let row = |name: String| {
        let wants = |file: &&DataFile| file.wanted_by.contains(&name.as_str());
        let files: Vec<&str> = DATA_FILES
            .iter()
            .filter(wants)
            .map(|file| file.path)
            .collect();
        let files = files.join(", ");
        (name, files)
    };
    let rows: Vec<_> = Task::names().into_iter().map(row).collect();
    output::text(&table(&rows))
}
