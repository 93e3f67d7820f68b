//! Programs that a model wrote, and the sandbox that they are run in.

mod caller;
mod interpreter;
mod limits_held;
mod run;
mod sandbox;

pub use limits_held::LimitsHeld;
pub use run::{ProgramRuns, run_programs};
pub use sandbox::{Ending, Limits, Sandbox};
