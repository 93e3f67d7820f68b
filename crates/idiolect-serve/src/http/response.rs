//! Answers in one piece: JSON under a status.

use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::Value;

use super::body::ReplyBody;
use super::ticket::Ticket;
use crate::refusal::Refusal;

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
