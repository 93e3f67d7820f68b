//! The programs of a task, run in the sandbox, and what the sandbox holds on this machine.

use std::path::Path;

use idiolect::eval::{Ending, Held, Item, Limits, Row, Sandbox};

use crate::error::CliError;
use crate::progress::{bar, say};

/// How programs ended, and under which limits.
#[derive(Debug, Default)]
pub struct Ran {
    /// One for each row with a program, in their order.
    pub endings: Vec<Ending>,
    /// Which limits held; none where no program was run.
    pub held: Option<Held>,
}

/// Runs the programs of the rows one after the other; says once which limits hold.
///
/// # Errors
///
/// [`CliError::Eval`] where the sandbox cannot be used.
pub fn run(python: &Path, items: &[Item], rows: &[Row]) -> Result<Ran, CliError> {
    let pairs = items.iter().zip(rows);
    let programs = pairs.filter_map(|(item, row)| item.gold.program(&row.answer));
    let programs: Vec<String> = programs.collect();
    if programs.is_empty() {
        return Ok(Ran::default());
    }
    let sandbox = Sandbox::new(python, Limits::default())?;
    let held = sandbox.held()?;
    say(&told(held));
    let bar = bar("run", programs.len());
    let ending = |program: &String| {
        bar.inc(1);
        Ok(sandbox.run(program)?)
    };
    let endings = programs.iter().map(ending).collect::<Result<_, CliError>>();
    bar.finish_and_clear();
    Ok(Ran {
        endings: endings?,
        held: Some(held),
    })
}

fn told(held: Held) -> String {
    let [held, not] = held.names().map(|names| names.join(", "));
    if not.is_empty() {
        format!("sandbox: limits held: {held}")
    } else {
        format!("sandbox: limits held: {held}; not held on this machine: {not}")
    }
}
