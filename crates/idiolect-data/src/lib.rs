#![doc = include_str!("../README.md")]

mod dataset;
mod error;
mod files;
mod formats;
mod rows;
pub mod settings;

pub use dataset::{
    BadRows, DataSettings, Dataset, LineIndex, MOST_MIXED, PairReport, ReadRows, Row, SkippedRow,
    file_of_mixed, id_text, mix, pair_by_id, sample, split,
};
pub use error::DataError;
pub use files::{
    FileInUse, Journal, RunDir, RunSession, SessionRow, content_hash, fill_folder, journal_row,
    lock_file, machine, remove_folder, remove_unfinished, replace_folder, require_folder,
    require_place, text_hash, unread, write_atomically, write_json, write_lines,
};
pub use formats::{
    Columns, CompletionFields, Example, FileFormat, Format, FormatSetting, Id, Message, PairFields,
    Role, RoleNames, RowFormat, RowShape, TextFields, TurnFields,
};
pub use idiolect_input::counted;
pub use rows::{Layout, ParquetRows, RawRow, RawRows, listed, read_rows, table};
