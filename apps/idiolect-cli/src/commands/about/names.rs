//! `idiolect templates` and `idiolect presets`: the names that options take.

use idiolect::continuation::PRESETS;
use idiolect::data::table;
use idiolect::eval::{DataFile, Task};
use idiolect::generate::Sampler;
use idiolect::prompt::{ContextTemplate, DistillTemplate, NamedTemplate};

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
    let samplers = Sampler::ALL.map(|sampler| sampler.name().to_owned());
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
        // A task without files is none that is known to want some.
        let files = DataFile::wanted(std::slice::from_ref(&name)).unwrap_or_default();
        let files: Vec<&str> = files.iter().map(|file| file.path).collect();
        (name, files.join(", "))
    };
    let rows: Vec<_> = Task::names().into_iter().map(row).collect();
    output::text(&table(&rows))
}
