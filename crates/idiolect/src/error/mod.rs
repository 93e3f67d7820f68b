//! Whatever can go wrong in a job, what caused it, and what it blames.

mod blame;
mod causes;
mod job;

pub use blame::Blame;
pub use causes::{error_cause, error_causes, error_line};
pub use job::Error;
