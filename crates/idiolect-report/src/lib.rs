#![doc = include_str!("../README.md")]

mod card;
mod collected;
mod compared;
mod course;
pub mod curves;
mod error;
mod figures;
mod files;
mod last_loss;
mod numbers;
mod page;
mod plots;
mod scatter;
mod series;

pub use card::{CardKind, ModelCard, card_license, published};
pub use compared::write_runs;
pub use course::{Course, CourseSpan, LossOfStep};
pub use error::ReportError;
pub use last_loss::last_loss;
pub use page::write;
