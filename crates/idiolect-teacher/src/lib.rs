#![doc = include_str!("../README.md")]

mod asking;
mod body;
mod budget;
mod config;
mod error;
mod failure;
mod reply;
mod request;
mod server;
mod settings;
mod teacher;
mod words;
mod writer;

pub use asking::Replies;
pub use budget::{Budget, Spent};
pub use config::{LimitField, Reasoning, Retries, TeacherConfig};
pub use error::TeacherError;
pub use settings::ServerSettings;
pub use teacher::Teacher;
