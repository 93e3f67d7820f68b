//! `idiolect continue`: documents in, training rows of halves that a teacher continued out.

use idiolect::continuation::preset_layer;
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
    let alone = |file: &Layer| resolve::<ContinueJob>(std::slice::from_ref(file));
    if let Some(Err(error @ DataError::AnotherJob { .. })) = file.as_ref().map(alone) {
        return Err(Error::from(error).into());
    }
    let own = under(file, &args.flags)?;
    let preset = preset_layer(&own).map_err(Error::from)?;
    let layers: Vec<Layer> = preset.into_iter().chain(own).collect();
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
