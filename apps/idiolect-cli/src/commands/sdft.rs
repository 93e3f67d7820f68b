//! `idiolect sdft`: the whole job in one run directory.

use idiolect::data::RunDir;
use idiolect::data::settings::{Layer, resolve as resolved};
use idiolect::finetune::FineTuneError;
use idiolect::{Error, Progress, Sdft as Job, SdftSettings, TrainingEvent};

use crate::args::Sdft;
use crate::commands::training::train::show;
use crate::commands::{resolve, under};
use crate::error::CliError;
use crate::output;
use crate::progress::{Bar, Log, LogForm};
use crate::stop;

/// The example of the README: sizes that two cores end within minutes. Its paths are as seen from the
/// root of the repository, where `cargo xtask demo` runs it.
const DEMO: &str = include_str!("../../demo.toml");

/// Runs the command.
pub(crate) fn run(args: &Sdft) -> Result<(), CliError> {
    let settings: SdftSettings = if args.demo {
        let demo = Layer::parse("demo.toml", DEMO).map_err(Error::from)?;
        resolved(&under([demo], &args.flags)?).map_err(Error::from)?
    } else {
        resolve(args.config.as_deref(), &args.flags)?
    };
    let (bar, out) = (Bar::default(), settings.out.clone());
    let model = settings.model.model.clone();
    let job = Job::new(settings).progress(&bar).stop_when(stop::flag());
    // Trainings end with a checkpoint; what is before and behind them has its journals.
    stop::ends(out.as_deref());
    let heard = |side: &str, event: TrainingEvent| {
        match event {
            TrainingEvent::Planned { .. } => stop::asks(stop::RUN),
            TrainingEvent::Done { .. } => stop::ends(out.as_deref()),
            _ => {}
        }
        show(&bar, side, &event);
    };
    let outcome = job.on_event(heard).start();
    bar.end();
    let outcome = match outcome {
        Err(Error::FineTune(FineTuneError::Stopped { steps, kept })) => {
            return Err(CliError::stopped(steps, kept, ""));
        }
        other => other?,
    };
    match Log::get().form {
        LogForm::Json => output::lines(&[&outcome])?,
        _ => output::text(&outcome.table())?,
    }
    if let Some(out) = out {
        bar.note(&after(&RunDir::new(out), &model));
    }
    Ok(())
}

/// Where the page is, and what can be done next.
fn after(run: &RunDir, model: &str) -> String {
    let adapter = run.part(RunDir::DISTILLED).adapter();
    format!(
        "page: {}\ntry the distilled adapter: idiolect generate --model {model} --adapter {} --prompt \"...\"",
        run.report_page().display(),
        adapter.display(),
    )
}
