//! Where the files of tasks and data sets come from: one table of every file name, with its publisher and licence.
//!
//! With the feature `hub` they are downloaded, by idiolect-hub.

mod data_file;
#[cfg(feature = "hub")]
mod fetch;
mod found;
mod table;
mod wanted;

pub use data_file::{DataFile, HubFile, HubSource, Source};
#[cfg(feature = "hub")]
pub use fetch::fetch;
pub(crate) use found::found;
pub use table::DATA_FILES;
