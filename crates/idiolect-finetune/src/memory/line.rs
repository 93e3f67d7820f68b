//! A plan in one line: what trains, on which rows, in how much memory.

use std::fmt;

use idiolect_input::counted;

use super::MemoryPlan;
use super::sizes::megabytes;

impl fmt::Display for MemoryPlan {
    /// Parameters, rows, tokens and memory in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", Parameters(self), Rows(self))?;
        write!(f, "; memory")?;
        if self.devices > 1 {
            write!(f, " on each of {} devices", self.devices)?;
        }
        let again = if self.activation_checkpointing {
            " (blocks are computed twice)"
        } else {
            ""
        };
        write!(
            f,
            ": weights {}, trained parameters {}, activations {}{again}, logits {}; free beside the weights: {}",
            megabytes(self.weights_bytes),
            megabytes(self.trained_bytes),
            megabytes(self.activation_bytes),
            megabytes(self.logits_bytes),
            self.available_bytes.map_or("unknown".into(), megabytes),
        )
    }
}

/// How many parameters train.
struct Parameters<'a>(&'a MemoryPlan);

impl fmt::Display for Parameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trained, all) = (self.0.trained_parameters, self.0.parameters);
        if trained == all {
            return write!(f, "all {all} parameters train");
        }
        let share = 100.0 * trained as f64 / all.max(1) as f64;
        write!(
            f,
            "{trained} parameters train, {share:.2} % of the model's {all}"
        )
    }
}

/// The rows, what is held out of them, and how they are batched.
struct Rows<'a>(&'a MemoryPlan);

impl fmt::Display for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.0;
        f.write_str(&counted(plan.rows, "row", "rows"))?;
        match (plan.tokens, plan.trained_tokens) {
            (Some(all), Some(trained)) => {
                let all = counted(all, "token", "tokens");
                write!(f, " of {all}, {trained} of them trained")?;
            }
            _ => f.write_str(", read as they are needed")?,
        }
        if plan.held_out > 0 {
            let held_out = counted(plan.held_out, "row is", "rows are");
            write!(f, "; {held_out} held out and evaluated")?;
        }
        write!(
            f,
            "; {} to a batch, {} to a step; the longest batch has {}",
            plan.batch_size,
            plan.batch_size.saturating_mul(plan.accumulation),
            counted(plan.longest_batch_tokens, "token", "tokens")
        )
    }
}
