#![doc = include_str!("../README.md")]

mod asking;
mod body;
mod budget;
mod config;
mod error;
mod failure;
mod logprobs;
mod reply;
mod request;
mod server;
mod settings;
mod teacher;
mod words;
mod writer;

pub use budget::{Budget, Spent};
pub use config::{LimitField, Retries, TeacherConfig};
pub use error::TeacherError;
pub use idiolect_completion::{Reasoning, Replies};
pub use logprobs::{AskedLogprobs, DecodeTokens};
pub use settings::ServerSettings;
pub use teacher::Teacher;
