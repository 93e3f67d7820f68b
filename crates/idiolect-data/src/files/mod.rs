//! Files beside data sets: journals, whole writes, hashes, and the places of a run directory.

mod checksum;
mod folder;
mod found;
mod hash;
mod journal;
mod lock;
mod run_dir;
mod session;
mod write;

pub use folder::{fill_folder, remove_folder, remove_unfinished, replace_folder};
pub(crate) use found::{FolderKind, nothing_at};
pub use found::{require_folder, require_place, unread};
pub use hash::{content_hash, text_hash};
pub use journal::{Journal, journal_row};
pub use lock::{FileInUse, lock_file};
pub use run_dir::RunDir;
pub use session::{RunSession, SessionRow, machine};
pub use write::{write_atomically, write_json, write_lines};
