#![doc = include_str!("../README.md")]

mod collected;
pub mod curves;
mod error;
mod figures;
mod files;
mod page;
mod plots;

pub use error::ReportError;
pub use page::write;
