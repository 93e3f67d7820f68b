//! `idiolect distill-online`: prompts with demonstrations in, an adapter that the model taught itself on its own
//! answers out.

use std::time::Instant;

use idiolect::OnPolicySettings;

use crate::args::DistillOnline;
use crate::commands::resolve;
use crate::commands::training::train::{ended, hooks, settings_file};
use crate::error::CliError;
use crate::progress::Bar;

/// Runs the command.
pub(crate) fn run(args: &DistillOnline) -> Result<(), CliError> {
    let out = args.flags.out.as_deref();
    let config = settings_file(&args.source, out, &args.flags.model)?;
    let settings: OnPolicySettings = resolve(config.as_deref(), &args.flags)?;
    let (bar, began) = (Bar::default(), Instant::now());
    let hooks = hooks(&bar, "distill", &args.source);
    let trained = idiolect::distil_online(&settings, hooks);
    ended(&bar, &settings.run, trained, began)
}
