#![doc = include_str!("../README.md")]

mod builtin;
mod chat;
mod context;
mod conversation;
mod distill;
mod error;
mod file;
mod named;
mod preset;
mod rendered;
mod template;

pub use chat::{ChatTemplate, ChatTokens, Date, NoDate};
pub use context::ContextTemplate;
pub use conversation::Conversation;
pub use distill::DistillTemplate;
pub use error::PromptError;
pub use named::{NamedTemplate, Slot};
pub use preset::Preset;
pub use rendered::{Piece, Rendered, Segment, Special};
pub use template::Template;
