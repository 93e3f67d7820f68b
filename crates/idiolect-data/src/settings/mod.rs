//! Settings of a command or a library call: a flat TOML file under the values of a command line.
//!
//! A file is the serde struct that uses its values. Composite settings are structs whose parts are flattened, and
//! every key of a file must belong to exactly one part. Values never pass through JSON, where an infinite
//! number and one that is none become "unset": they are refused by the name of their key.

mod finite;
mod flags;
mod job;
mod keys;
mod kinds;
mod layer;
mod recorded;
mod renamed;
mod required;
mod resolve;
mod synonyms;
mod tables;
mod unlike;
mod usage;
mod write;

pub use flags::{CommandOptions, flag_hint};
pub use job::command_of;
pub use keys::{Settings, duplicates, keys, schema};
pub use layer::{Layer, from_toml, read_file};
pub use recorded::{RecordedRun, same_job};
pub use renamed::{Renamed, renamed};
pub use required::require;
pub use resolve::{nearest_name, resolve};
pub use synonyms::{Synonym, synonym};
pub use unlike::command_synonym;
pub use usage::{call_hint, one_line, value_hint, with_typed_names};
pub use write::{to_toml, write};
