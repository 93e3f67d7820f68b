//! Rows of a fine-tuning: from examples to tokens that fit, in memory or one at a time, a share of them held
//! out.

mod data;
mod in_memory;
mod lazy;
mod limit;
mod place;
mod prepared;
mod source;
mod stored;
mod token_cache;

pub use data::{LazyRows, TrainingData};
pub(crate) use in_memory::in_memory;
pub(crate) use limit::Limit;
pub(crate) use source::{RowSource, Sets};
pub use stored::StoredCount;
