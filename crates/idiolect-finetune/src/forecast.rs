//! What a training run will need: memory, work and time.

mod time;

use std::fmt;

use serde::Serialize;

use crate::{FineTuneError, MemoryPlan};

pub use time::TimePlan;

/// What a training run will need. As JSON it is the plan of memory with one more field, `time`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// Memory and work, computed.
    #[serde(flatten)]
    pub plan: MemoryPlan,
    /// Time, measured on a few steps; none where none was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<TimePlan>,
}

impl Forecast {
    /// The forecast of a plan, with the time that `measure` finds unless no step is to be timed.
    pub(crate) fn new(
        plan: MemoryPlan,
        timed: usize,
        measure: impl FnOnce(&MemoryPlan) -> Result<TimePlan, FineTuneError>,
    ) -> Result<Self, FineTuneError> {
        let time = (timed > 0).then(|| measure(&plan)).transpose()?;
        Ok(Self { plan, time })
    }
}

impl fmt::Display for Forecast {
    /// A line of memory and work, and one of time.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.plan)?;
        match &self.time {
            Some(time) => writeln!(f, "{time}"),
            None => Ok(()),
        }
    }
}
