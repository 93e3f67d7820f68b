#![doc = include_str!("../README.md")]

mod budget;
mod error;
mod key;
mod reply;
mod request;
mod server;
mod settings;
mod teacher;
mod wait;

pub use budget::{Budget, Spent};
pub use error::{BoxError, TeacherError};
pub use request::{Completion, Prompt, TeacherRequest, Turn};
pub use settings::{Retries, Settings};
pub use teacher::Teacher;
