//! Addresses, and what is answered at each.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::ask::ask;
use super::body::ReplyBody;
use super::response::{refused, with_json};
use super::ticket::Ticket;
use super::{Shared, guard};
use crate::api::Form;
use crate::refusal::Refusal;

/// Addresses that are there.
const THERE: &str = "POST /v1/completions, POST /v1/chat/completions, GET /v1/models, GET /v1/models/NAME, GET /health";

/// What a request is for.
enum Route {
    Health,
    Models,
    Model(String),
    Ask(Form),
}

/// Answers a request.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Infallible> {
    let name = format!("{} {}", request.method(), request.uri().path());
    let mut ticket = Ticket::new(Arc::clone(&shared), name);
    // The body of such an answer is not asked for.
    ticket.whole = *request.method() == Method::HEAD;
    let found = match route(&shared, &request) {
        Ok(Route::Health) => Ok(json!({"status": "ok"})),
        Ok(Route::Models) => Ok(models(&shared)),
        Ok(Route::Model(name)) => shared
            .models
            .find(Some(&name))
            .map(|(name, _)| model(&shared, name)),
        Ok(Route::Ask(form)) => return Ok(ask(shared, form, request.into_body(), ticket).await),
        Err(refusal) => Err(refusal),
    };
    Ok(match found {
        Ok(value) => {
            ticket.status = Some(200);
            with_json(&value, ticket)
        }
        Err(refusal) => refused(&refusal, ticket),
    })
}

fn route(shared: &Shared, request: &Request<Incoming>) -> Result<Route, Refusal> {
    let path = request.uri().path();
    if path != "/health" {
        guard::check(request.headers(), shared.key.as_ref())?;
    }
    let (method, route) = match path {
        "/health" => (Method::GET, Route::Health),
        "/v1/models" => (Method::GET, Route::Models),
        "/v1/completions" => (Method::POST, Route::Ask(Form::Completion)),
        "/v1/chat/completions" => (Method::POST, Route::Ask(Form::Chat)),
        other => match other.strip_prefix("/v1/models/") {
            Some(name) => {
                let name = percent_decode_str(name).decode_utf8_lossy();
                (Method::GET, Route::Model(name.into_owned()))
            }
            None => {
                return Err(Refusal::request(
                    404,
                    format!("nothing at {other}; there are: {THERE}"),
                ));
            }
        },
    };
    let own = request.method();
    if *own == method || method == Method::GET && *own == Method::HEAD {
        return Ok(route);
    }
    Err(Refusal::request(
        405,
        format!("{path} takes {method}, not {own}"),
    ))
}

fn models(shared: &Shared) -> Value {
    let data: Vec<Value> = shared
        .models
        .names()
        .map(|name| model(shared, name))
        .collect();
    json!({"object": "list", "data": data})
}

fn model(shared: &Shared, name: &str) -> Value {
    let base = shared.models.base();
    let parent = (name != base).then_some(base);
    json!({
        "id": name, "object": "model", "created": shared.begun, "owned_by": "idiolect", "root": base,
        "parent": parent, "max_model_len": shared.models.positions(),
    })
}
