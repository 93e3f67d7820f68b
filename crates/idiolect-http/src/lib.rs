#![doc = include_str!("../README.md")]

mod answer;
mod client;
mod secret;
mod wait;

pub use answer::{bounded_text, problem};
pub use client::{Client, Timeouts, is_loopback};
pub use secret::{Secret, SecretError};
pub use ureq::http::{HeaderMap, Response, StatusCode, header};
pub use ureq::{Body, Error as RequestError, RequestBuilder, SendBody};
pub use wait::asked_wait;
