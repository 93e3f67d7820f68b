#![doc = include_str!("../README.md")]

mod api;
mod error;
mod event;
mod http;
mod models;
mod refusal;
mod reply;
mod server;
mod settings;
mod work;

pub use error::ServeError;
pub use event::{Answered, Listening, ServeEvent, Tell};
pub use idiolect_http::Secret;
pub use models::NamedAdapter;
pub use server::Server;
pub use settings::{KEY_VARIABLE, ServeLimits, ServeSettings, key_of};
