//! What rows say: examples, and the formats that they are read from.

mod built_in;
mod columns;
mod detect;
mod example;
mod fields;
mod pairs;
mod parse;
mod replace;
mod row_format;
mod setting;
mod turn;

pub use built_in::Format;
pub use columns::Columns;
pub use detect::FileFormat;
pub(crate) use detect::{FIRST_ROWS, detect, look};
pub use example::{Example, Id, Message, Role};
pub(crate) use fields::Place;
pub(crate) use pairs::{named, pair};
pub(crate) use parse::example;
pub(crate) use replace::replace_response;
pub use row_format::{
    CompletionFields, PairFields, RoleNames, RowFormat, RowShape, TextFields, TurnFields,
};
pub use setting::FormatSetting;
