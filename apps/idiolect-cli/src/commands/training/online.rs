//! `idiolect distill-online`: prompts with demonstrations in, an adapter that the model taught itself on its own
//! answers out.

use std::time::Instant;

use idiolect::finetune::{CalledRun, Hooks};
use idiolect::{Error, OnPolicySettings};

use crate::args::DistillOnline;
use crate::commands::resolve;
use crate::commands::training::train::{ended, show};
use crate::error::CliError;
use crate::progress::Bar;
use crate::stop;

/// Runs the command.
pub(crate) fn run(args: &DistillOnline) -> Result<(), CliError> {
    let called = CalledRun {
        config: args.config.as_deref(),
        resume: args.resume,
        out: args.flags.out.as_deref(),
        has_model: args.flags.model.model.is_some(),
    };
    let config = called.settings_file().map_err(Error::from)?;
    let settings: OnPolicySettings = resolve(config.as_deref(), &args.flags)?;
    let (bar, began) = (Bar::default(), Instant::now());
    let hooks = Hooks {
        resume: args.resume,
        stop: Some(stop::flag()),
        on_event: Box::new(|event| show(&bar, "distill", &event)),
        progress: &bar,
    };
    let trained = idiolect::distil_online(&settings, hooks);
    ended(&bar, &settings.run, trained, began)
}
