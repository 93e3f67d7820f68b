//! Where the files of tasks and data sets come from: one table of every file name, with its publisher and licence.
//!
//! Nothing is downloaded here; idiolect-hub does that, and the facade joins the two.

mod data_file;
mod found;
mod table;
mod wanted;

pub use data_file::{DataFile, HubFile, HubSource, Source};
pub(crate) use found::found;
pub use table::DATA_FILES;
