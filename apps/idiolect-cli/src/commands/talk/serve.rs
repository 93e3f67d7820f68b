//! `idiolect serve`: a model and its adapters behind the API of `OpenAI`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use idiolect::Error;
use idiolect::serve::{
    Listening, NamedAdapter, ServeEvent, ServeLimits, ServeSettings, Server, key_of,
};
use serde_json::json;

use crate::args::{ModelOptions, Serve};
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
    let model = ModelOptions {
        template: args.template.clone(),
        ..args.model.clone()
    };
    let adapters = args.adapter.iter().map(|text| text.parse());
    let adapters: Result<Vec<NamedAdapter>, _> = adapters.collect();
    Ok(ServeSettings {
        model: resolve(None, &model)?,
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
    let log = Log::get();
    match event {
        ServeEvent::Listening(listening) => begun(log, listening),
        ServeEvent::Answered {
            request,
            status,
            whole,
            model,
            prompt_tokens,
            new_tokens,
            took,
            refusal,
        } => {
            let end = match (status, whole) {
                (None, _) => "the client went away".to_owned(),
                (Some(status), true) => status.to_string(),
                (Some(status), false) => format!("{status}, the client went away"),
            };
            let name = model.as_deref().unwrap_or_default();
            let seconds = took.as_secs_f64();
            let line = match (refusal, model) {
                (Some(refusal), _) => format!("{request} {end}: {refusal}"),
                (None, Some(_)) => format!(
                    "{request} {end}: {name}, {prompt_tokens} + {new_tokens} tokens, {seconds:.1} s"
                ),
                (None, None) => format!("{request} {end}"),
            };
            log.tell(
                &line,
                &json!({
                    "request": request, "status": status, "whole": whole, "model": model,
                    "prompt_tokens": prompt_tokens, "new_tokens": new_tokens, "seconds": seconds, "refusal": refusal,
                }),
            );
        }
        ServeEvent::Trouble(trouble) => log.note(trouble),
        ServeEvent::Stopped => log.note("stopped"),
        _ => {}
    }
}

/// Where the server listens, what it serves, what requests may take, and how one is made.
fn begun(log: Log, listening: &Listening) {
    let Listening {
        address,
        models,
        key,
        limits,
    } = listening;
    let header = if *key {
        " -H \"authorization: Bearer $IDIOLECT_API_KEY\""
    } else {
        ""
    };
    let model = models.last().map_or("", String::as_str);
    let line = format!(
        "serving at http://{address}/v1: {}{}\n\
         limits: {} bytes of a body, {} new tokens of a text, {} texts of a request, {} requests that wait, {} s for an \
         answer; requests are answered one after the other\n\
         try: curl http://{address}/v1/chat/completions{header} -H 'content-type: application/json' -d '{{\"model\": \
         \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello!\"}}], \"max_tokens\": 50}}'\n\
         Ctrl-C ends it",
        models.join(", "),
        if *key { ", with a key" } else { "" },
        limits.max_body_bytes,
        limits.max_new_tokens,
        limits.max_choices,
        limits.max_waiting,
        limits.timeout.as_secs(),
    );
    log.tell(
        &line,
        &json!({
            "listening": address.to_string(), "models": models, "key": key,
            "limits": {
                "body_bytes": limits.max_body_bytes, "new_tokens": limits.max_new_tokens, "choices": limits.max_choices,
                "waiting": limits.max_waiting, "connections": limits.max_connections,
                "seconds": limits.timeout.as_secs(),
            },
        }),
    );
}
