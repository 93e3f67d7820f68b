//! `idiolect train`: a data set in, an adapter and its run directory out.

use idiolect::Progress;
use idiolect::data::RunDir;
use idiolect::finetune::{FineTuneError, Hooks, TrainOutcome, train};
use idiolect::{TrainSettings, TrainingEvent};

use crate::args::Train;
use crate::commands::resolve;
use crate::error::CliError;
use crate::progress::Bar;
use crate::stop;

/// Runs the command.
pub(crate) fn run(args: &Train) -> Result<(), CliError> {
    let settings: TrainSettings = resolve(args.config.as_deref(), &args.flags)?;
    let bar = Bar::default();
    let hooks = Hooks {
        resume: args.resume,
        stop: Some(stop::flag()),
        on_event: Box::new(|event| show(&bar, "train", &event)),
        progress: &bar,
    };
    let trained = train(&settings, hooks);
    bar.end();
    match trained {
        Ok(outcome) => {
            tell(&bar, &settings, &outcome);
            Ok(())
        }
        Err(FineTuneError::Stopped { steps, kept }) => {
            Err(CliError::stopped(steps, kept, "--resume"))
        }
        Err(error) => Err(idiolect::Error::from(error).into()),
    }
}

/// Says where the result lies.
fn tell(bar: &Bar, settings: &TrainSettings, outcome: &TrainOutcome) {
    let Some(run) = settings.out.as_ref().map(RunDir::new) else {
        return;
    };
    match outcome {
        TrainOutcome::Adapter(_) => bar.note(&format!("adapter in {}", run.adapter().display())),
        TrainOutcome::Full(_) => bar.note(&format!("model in {}", run.model().display())),
        _ => {}
    }
    if let Some(found) = outcome.forgetting() {
        bar.note(&found.to_string());
    }
}

/// Shows how far a training is.
pub(crate) fn show(bar: &Bar, stage: &str, event: &TrainingEvent) {
    match event {
        TrainingEvent::RowsTruncated { .. } | TrainingEvent::RowsSkipped { .. } => {
            bar.note(&event.to_string());
        }
        TrainingEvent::Planned {
            plan, steps, done, ..
        } => {
            bar.note(&plan.to_string());
            bar.begin(stage, *steps);
            bar.position(*done);
        }
        TrainingEvent::Step { row, timing, .. } => {
            bar.advance(1);
            let speed = timing.tokens_per_second;
            bar.message(format!("loss {:.3} {speed:.0} tok/s", row.loss));
        }
        TrainingEvent::Evaluated(row) => {
            bar.message(format!("held-out loss {:.3}", row.eval_loss));
        }
        TrainingEvent::Done { .. } => bar.end(),
        _ => {}
    }
}
