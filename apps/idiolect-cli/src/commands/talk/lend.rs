//! `idiolect lend`: a device of this machine for trainings on others.

#[cfg(feature = "remote")]
pub(crate) use lending::run;

/// Says that this program lends nothing.
#[cfg(not(feature = "remote"))]
pub(crate) fn run(_: &crate::args::Lend) -> Result<(), crate::error::CliError> {
    let line =
        "lend: expected a program that was built with the feature remote, found one without it";
    Err(crate::error::CliError::Usage(line.into()))
}

#[cfg(feature = "remote")]
mod lending {
    use std::sync::Arc;

    use idiolect::Error;
    use idiolect::lm::device::remote::{
        LendEvent, LendSettings, key_file, lend, relay_of, token_of,
    };

    use crate::args::Lend;
    use crate::error::CliError;
    use crate::progress::Log;
    use crate::stop;

    /// Runs the command.
    pub(crate) fn run(args: &Lend) -> Result<(), CliError> {
        let settings = settings(args).map_err(Error::from)?;
        stop::asks("ending; a second Ctrl-C ends at once");
        let listener = Arc::new(|event: &LendEvent| {
            Log::get().tell(&event.to_string(), &event.object());
        });
        Ok(lend(&settings, stop::flag(), listener).map_err(Error::from)?)
    }

    fn settings(args: &Lend) -> Result<LendSettings, idiolect::lm::LmError> {
        Ok(LendSettings {
            device: args.device.clone(),
            threads: args.threads,
            host: args.host,
            port: args.port,
            relay: args.relay.as_deref().map(relay_of).transpose()?,
            key: args.key.clone().map_or_else(key_file, Ok)?,
            token: token_of(&args.token_variable)?,
        })
    }
}
