#![doc = include_str!("../README.md")]

mod answers;
mod base_state;
mod error;
mod journal;
mod measure;
mod place;
mod plain_text;
mod prompts;
mod rise;
mod settings;

pub use answers::BaseAnswers;
pub use base_state::BaseState;
pub use error::ForgettingError;
pub use measure::{Forgetting, PromptRise};
pub use place::ForgettingPlace;
pub use plain_text::PlainTextRise;
pub use prompts::questions;
pub use rise::Rise;
pub use settings::ForgettingSettings;
