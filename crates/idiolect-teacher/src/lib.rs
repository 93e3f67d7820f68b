#![doc = include_str!("../README.md")]

mod budget;
mod config;
mod error;
mod key;
mod reply;
mod request;
mod server;
mod settings;
mod teacher;
mod wait;
mod writer;

pub use budget::{Budget, Spent};
pub use config::{Retries, TeacherConfig};
pub use error::TeacherError;
pub use settings::ServerSettings;
pub use teacher::Teacher;
