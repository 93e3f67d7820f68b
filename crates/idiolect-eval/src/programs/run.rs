//! The programs of a task, run in the sandbox, and what the sandbox holds on this machine.

use std::path::Path;
use std::time::Duration;

use idiolect_completion::Progress;

use crate::answer::ItemAnswer;
use crate::error::EvalError;
use crate::gold::Gold;
use crate::item::Item;
use crate::programs::limits_held::LimitsHeld;
use crate::programs::sandbox::{Ending, Limits, Sandbox};

/// Wall time of a function of `HumanEvalPack`.
const BODY_TIME: Duration = Duration::from_secs(10);

/// How programs ended, and under which limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProgramRuns {
    /// One for each row with a program, in their order.
    pub endings: Vec<Ending>,
    /// Which limits held; none where no program was run.
    pub limits_held: Option<LimitsHeld>,
}

/// Runs the programs of the rows one after the other with `python`, a path or a name; `progress` hears of each, and
/// once as whom they run and which limits hold.
///
/// # Errors
///
/// [`EvalError::Sandbox`] where the sandbox cannot be used.
pub fn run_programs(
    python: &Path,
    items: &[Item],
    rows: &[ItemAnswer],
    progress: &dyn Progress,
) -> Result<ProgramRuns, EvalError> {
    let pairs = items.iter().zip(rows);
    let programs = pairs.filter_map(|(item, row)| item.gold.program(&row.answer));
    let programs: Vec<String> = programs.collect();
    if programs.is_empty() {
        return Ok(ProgramRuns::default());
    }
    let sandbox = Sandbox::new(python, limits(items))?;
    let held = sandbox.limits_held()?;
    progress.note(&sentence(sandbox.user(), held));
    progress.begin("run", programs.len());
    let ending = |program: &String| {
        let ending = sandbox.run(program)?;
        progress.advance(1);
        Ok(ending)
    };
    let endings = programs
        .iter()
        .map(ending)
        .collect::<Result<_, EvalError>>();
    progress.end();
    Ok(ProgramRuns {
        endings: endings?,
        limits_held: Some(held),
    })
}

/// Those of human-eval, and the wall time of bigcode-evaluation-harness for its functions.
fn limits(items: &[Item]) -> Limits {
    let limits = Limits::default();
    let is_body = |item: &Item| matches!(item.gold, Gold::Body { .. });
    if items.iter().any(is_body) {
        let time = BODY_TIME;
        return Limits { time, ..limits };
    }
    limits
}

fn sentence(user: u32, held: LimitsHeld) -> String {
    let [held, not] = held.names().map(|names| names.join(", "));
    let begin = format!("sandbox: programs run as user {user}; limits held: {held}");
    if not.is_empty() {
        begin
    } else {
        format!("{begin}; not held on this machine: {not}")
    }
}
