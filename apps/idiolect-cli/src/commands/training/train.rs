//! `idiolect train`: a data set in, an adapter and its run directory out.

use std::path::{Path, PathBuf};
use std::time::Instant;

use idiolect::Progress;
use idiolect::data::RunDir;
use idiolect::data::settings::read_file;
use idiolect::finetune::{CalledRun, FineTuneError, Hooks, TrainOutcome, train};
use idiolect::{Error, TrainSettings, TrainingEvent};
use serde_json::json;

use crate::args::{ModelOptions, Source, Train, as_typed};
use crate::commands::under;
use crate::error::CliError;
use crate::progress::Bar;
use crate::stop;

/// Runs the command.
pub(crate) fn run(args: &Train) -> Result<(), CliError> {
    let out = args.flags.out.as_deref();
    let config = settings_file(&args.source, out, &args.flags.model)?;
    let file = config.as_deref().map(read_file).transpose();
    let layers = under(file.map_err(Error::from)?, &args.flags)?;
    let settings = TrainSettings::of_layers(&layers).map_err(Error::from)?;
    let (bar, began) = (Bar::default(), Instant::now());
    let hooks = hooks(&bar, "train", &args.source);
    let trained = train(&settings, hooks).map_err(Error::from);
    ended(&bar, &settings, trained, began)
}

/// The file that a call's settings are in, if any.
pub(crate) fn settings_file(
    source: &Source,
    out: Option<&Path>,
    model: &ModelOptions,
) -> Result<Option<PathBuf>, CliError> {
    let called = CalledRun {
        config: source.config.as_deref(),
        resume: source.resume,
        out,
        has_model: model.model.is_some(),
    };
    Ok(called.settings_file().map_err(Error::from)?)
}

/// What a training shows on the bar, and how it is stopped and resumed.
pub(crate) fn hooks<'a>(bar: &'a Bar, stage: &'static str, source: &Source) -> Hooks<'a> {
    Hooks {
        resume: source.resume,
        stop: Some(stop::flag()),
        on_event: Box::new(move |event| show(bar, stage, &event)),
        progress: bar,
    }
}

/// Says what came of a training, or why it ended early.
pub(crate) fn ended(
    bar: &Bar,
    settings: &TrainSettings,
    trained: Result<TrainOutcome, Error>,
    began: Instant,
) -> Result<(), CliError> {
    bar.end();
    match trained {
        Ok(outcome) => {
            tell(bar, settings, &outcome, began);
            Ok(())
        }
        Err(Error::FineTune(FineTuneError::Stopped { steps, kept })) => {
            Err(CliError::stopped(steps, kept, " with --resume"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Says what came of it, where the result lies, and what can be done with it.
fn tell(bar: &Bar, settings: &TrainSettings, outcome: &TrainOutcome, began: Instant) {
    let Some(run) = settings.out.as_ref().map(RunDir::new) else {
        return;
    };
    let report = outcome.report();
    let line = as_typed(&format!("{report}; {} s in all", began.elapsed().as_secs()));
    bar.tell(&line, &json!({"note": line, "outcome": report.numbers()}));
    if let Some(found) = &report.forgetting {
        bar.note(&found.to_string());
    }
    let model = &settings.model.model;
    let (what, place, call) = match outcome {
        TrainOutcome::Full(_) => ("model", run.model(), "--model".to_owned()),
        _ => (
            "adapter",
            run.adapter(),
            format!("--model {model} --adapter"),
        ),
    };
    let place = place.display();
    bar.note(&format!("{what} in {place}"));
    bar.note(&format!(
        "try it: idiolect generate {call} {place} --prompt \"...\""
    ));
}

/// Shows how far a training is.
pub(crate) fn show(bar: &Bar, stage: &str, event: &TrainingEvent) {
    match event {
        event if event.is_note() => bar.note(&event.to_string()),
        TrainingEvent::Evaluated(row) => {
            let line = event.to_string();
            bar.tell(
                &line,
                &json!({"note": line, "stage": stage, "evaluation": row}),
            );
        }
        TrainingEvent::Planned {
            plan, steps, done, ..
        } => {
            bar.note(&plan.to_string());
            if let Some(line) = event.resumption() {
                bar.note(&line);
            }
            bar.begin(stage, *steps);
            bar.position(*done);
        }
        TrainingEvent::Step { row, timing, .. } => {
            let numbers = json!({"step": row, "timing": timing});
            bar.message(&event.beside_bar(), &numbers);
            bar.advance(1);
        }
        TrainingEvent::Done { .. } => bar.end(),
        _ => {}
    }
}
