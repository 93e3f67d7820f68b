//! One function for each job of the command line: settings in, results and files out. Nothing is printed.

mod bad_rows;
mod continuation;
mod distill_job;
mod distillation;
mod evaluation;
mod given;
mod online;
mod rewritten;
mod rows;
mod writers;

pub(crate) use bad_rows::skip_bad_rows;
pub use continuation::continue_text;
pub use distill_job::{distill, merge_shards, rewrite_prompts};
pub use distillation::SelfDistill;
pub use evaluation::{embedding_scores, evaluate};
pub use online::distil_online;
pub use rewritten::Rewritten;

pub use rows::read_sample;
pub(crate) use rows::{refuse_tools, response_nlls};
