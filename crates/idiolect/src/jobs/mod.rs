//! One function for each job of the command line: settings in, results and files out. Nothing is printed.

mod continuation;
mod distillation;
mod evaluation;
mod rows;
mod writers;

pub use continuation::continue_text;
pub use distillation::{Rewritten, SelfDistill, distill, merge_shards};
pub(crate) use distillation::{leave_out, list_skipped};
pub use evaluation::{embedding_scores, evaluate};

pub use rows::read_sample;
pub(crate) use rows::{response_nll, row_nll};
