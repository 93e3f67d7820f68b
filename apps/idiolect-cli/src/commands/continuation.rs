//! `idiolect continue`: documents in, training rows of halves that a teacher continued out.

use idiolect::continuation::preset;
use idiolect::data::settings::{Layer, read_file, resolve};
use idiolect::data::{DataError, RunDir};
use idiolect::{ContinueJob, Error, Progress};

use crate::args::Continue;
use crate::commands::under;
use crate::error::CliError;
use crate::output;
use crate::progress::Bar;
use crate::stop;

/// Runs the command: the settings of a preset lie under those of the file, and these under the command line.
pub(crate) fn run(args: &Continue) -> Result<(), CliError> {
    let file = args.config.as_deref().map(read_file).transpose();
    let file = file.map_err(Error::from)?;
    let in_file = file
        .as_ref()
        .and_then(|file| file.values.get("preset")?.as_str());
    let name = args.flags.preset.as_deref().or(in_file);
    let alone = |file: &Layer| resolve::<ContinueJob>(std::slice::from_ref(file));
    if let Some(Err(error @ DataError::AnotherJob { .. })) = file.as_ref().map(alone) {
        return Err(Error::from(error).into());
    }
    let preset = name.map(preset).transpose().map_err(Error::from)?;
    let preset = preset.map(|values| Layer {
        name: "preset".to_owned(),
        values,
    });
    let layers = under(preset.into_iter().chain(file), &args.flags)?;
    let job: ContinueJob = resolve(&layers).map_err(Error::from)?;
    let bar = Bar::default();
    stop::ends(job.out.as_deref());
    let summary = idiolect::continue_text(&job, &bar)?;
    bar.note(&summary.to_string());
    if let Some(run) = job.out.as_ref().map(RunDir::new) {
        bar.note(&format!("training rows in {}", run.rows().display()));
    }
    output::summary(&summary)
}
