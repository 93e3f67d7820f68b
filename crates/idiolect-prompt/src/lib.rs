#![doc = include_str!("../README.md")]

mod bench;
mod chat;
mod date;
mod disguise;
mod distill;
mod error;
mod general;
mod jinja;
mod named;
mod preset;
mod rendered;
mod slots;
mod table;
mod template;

pub use chat::{ChatTemplate, ChatTokens};
pub use date::Date;
pub use distill::DistillTemplate;
pub use error::PromptError;
pub use named::NamedTemplate;
pub use preset::Preset;
pub use rendered::{Piece, Rendered, Segment, Special};
pub use slots::Slot;
pub use template::Template;
