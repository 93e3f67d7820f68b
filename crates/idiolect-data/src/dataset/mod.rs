//! Sets of examples: whole in memory or row by row, chosen, mixed and paired.

mod faults;
mod index;
mod pair;
mod recognised;
mod responses;
mod select;
mod set;
mod settings;
mod skipped;

pub use index::LineIndex;
pub use pair::{PairReport, pair_by_id};
pub use select::{MOST_MIXED, mix, sample, split};
pub use set::{Dataset, Row};
pub use settings::{DataSettings, ReadRows, file_of_mixed, id_text};
pub use skipped::{BadRows, SkippedRow};
