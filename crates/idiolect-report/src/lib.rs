#![doc = include_str!("../README.md")]

mod collected;
mod compared;
mod course;
pub mod curves;
mod error;
mod figures;
mod files;
mod numbers;
mod page;
mod plots;
mod scatter;
mod series;

pub use compared::write_runs;
pub use course::{Course, CourseSpan, LossOfStep};
pub use error::ReportError;
pub use page::write;
