//! `idiolect serve`: a model and its adapters behind the API of `OpenAI`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use idiolect::Error;
use idiolect::serve::{NamedAdapter, ServeEvent, ServeLimits, ServeSettings, Server, key_of};

use crate::args::Serve;
use crate::commands::resolve;
use crate::error::CliError;
use crate::progress::{Bar, Log};
use crate::stop;

/// Runs the command.
pub(crate) fn run(args: &Serve) -> Result<(), CliError> {
    let settings = settings(args)?;
    let bar = Bar::default();
    let stop = stop::flag();
    let server = Server::open(&settings, &bar, Arc::new(tell)).map_err(Error::from)?;
    Ok(server.run(stop).map_err(Error::from)?)
}

fn settings(args: &Serve) -> Result<ServeSettings, CliError> {
    let adapters = args.adapter.iter().map(|text| text.parse());
    let adapters: Result<Vec<NamedAdapter>, _> = adapters.collect();
    Ok(ServeSettings {
        model: resolve(None, &args.model.with_template(args.template.as_ref()))?,
        adapters: adapters.map_err(Error::from)?,
        address: SocketAddr::new(args.host, args.port),
        key: key_of(args.key_variable.as_deref()).map_err(Error::from)?,
        limits: limits(args),
        seed: args.seed,
    })
}

fn limits(args: &Serve) -> ServeLimits {
    let own = ServeLimits::default();
    let seconds = |given: Option<u64>, own| given.map_or(own, Duration::from_secs);
    ServeLimits {
        max_body_bytes: args.max_body_bytes.unwrap_or(own.max_body_bytes),
        max_prompt_tokens: args.max_prompt_tokens.unwrap_or(own.max_prompt_tokens),
        max_new_tokens: args.max_new_tokens.unwrap_or(own.max_new_tokens),
        max_request_tokens: args.max_request_tokens.unwrap_or(own.max_request_tokens),
        max_choices: args.max_choices.unwrap_or(own.max_choices),
        batch_size: args.batch_size.unwrap_or(own.batch_size),
        max_waiting: args.max_waiting.unwrap_or(own.max_waiting),
        max_connections: args.max_connections.unwrap_or(own.max_connections),
        timeout: seconds(args.timeout, own.timeout),
        client_timeout: seconds(args.client_timeout, own.client_timeout),
    }
}

/// Tells what the server does.
fn tell(event: &ServeEvent) {
    let line = match event {
        ServeEvent::Listening(_) => format!("{event}\nCtrl-C ends it"),
        other => other.to_string(),
    };
    Log::get().tell(&line, &event.object());
}
