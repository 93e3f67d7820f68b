//! Addresses, and what is answered at each.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::ask::ask;
use super::body::ReplyBody;
use super::ticket::Ticket;
use super::{Shared, guard};
use crate::api::Form;
use crate::refusal::Refusal;

/// Addresses that are there.
const THERE: &str = "POST /v1/completions, POST /v1/chat/completions, GET /v1/models, GET /health";

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

/// An answer in JSON, under the ticket's status.
pub(super) fn with_json(value: &Value, ticket: Ticket) -> Response<ReplyBody> {
    let status = ticket
        .status
        .and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = Response::new(ReplyBody::whole(value.to_string(), ticket));
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Why there is no answer.
pub(super) fn refused(refusal: &Refusal, mut ticket: Ticket) -> Response<ReplyBody> {
    ticket.status = Some(refusal.status);
    ticket.refusal = Some(refusal.message.clone());
    let mut response = with_json(&refusal.json(), ticket);
    let headers = response.headers_mut();
    match refusal.status {
        503 => headers.insert(RETRY_AFTER, HeaderValue::from_static("1")),
        405 => headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST")),
        _ => None,
    };
    response
}
