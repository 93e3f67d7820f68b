//! Memory of a training run, computed before it starts: sums over the tensors that the loop keeps, no
//! measurement. docs/PERFORMANCE.md sets them beside measured peaks.

mod batch;
mod line;
mod plan;
mod sizes;

pub(crate) use batch::chosen_batch;
pub use plan::MemoryPlan;
pub(crate) use plan::{Memory, PlannedRun, Trained};
