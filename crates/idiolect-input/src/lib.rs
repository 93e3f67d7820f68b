#![doc = include_str!("../README.md")]

mod counted;
mod file;
mod folder;
mod guard;
mod limit;
pub mod limits;
mod name;
mod seconds;
mod shown;

pub use counted::counted;
pub use file::{open_growing, open_regular, read_bytes, read_text};
pub use folder::{entries, few};
pub use guard::{LibraryPanic, guarded, silence_guarded};
pub use limit::{Limit, LimitError};
pub use name::{NameError, file_name, relative_path};
pub use seconds::seconds_text;
pub use shown::{shown, shown_text};
