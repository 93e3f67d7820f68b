//! `cargo xtask experiment`: plain against distilled fine-tuning in many small runs, and docs/RESULTS.md.
//!
//! It computes nothing itself: each cell is a few calls of the program `idiolect`, and a cell that has its
//! result is not run again. Sizes stand in `scale`, the cells and their order in `plan`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to a terminal"
)]

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

mod appendix;
mod args;
mod cell;
mod error;
mod measured;
mod opening;
mod page;
mod plan;
mod program;
mod rows;
mod scale;
mod table;

use args::Args;
use error::ExperimentError;
use measured::is_done;
use plan::Cell;
use program::Lab;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<(), ExperimentError> {
    let scale = scale::named(&args.scale)?;
    let lab = Lab::open(args, scale)?;
    let cells = plan::cells(&scale);
    println!("{} cells, scale {}", cells.len(), scale.name);
    let began = Instant::now();
    cell::measure_seed(&lab)?;
    let spent = |began: Instant| began.elapsed().as_secs_f64();
    let (mut worked, mut foreseen) = (0.0, 0.0);
    for (at, one) in cells.iter().enumerate() {
        if is_done(&lab, one) {
            continue;
        }
        // What a cell takes by arithmetic, times how far off that was for those that ran.
        let pace = if foreseen > 0.0 {
            worked / foreseen
        } else {
            1.0
        };
        let expected = pace * plan::seconds(&scale, one);
        let late = |minutes: f64| 60.0 * minutes < spent(began) + expected;
        if args.budget_minutes.is_some_and(late) {
            println!(
                "the time is spent: {} of {} cells are done",
                done(&lab, &cells),
                cells.len()
            );
            break;
        }
        let rest: f64 = cells[at..]
            .iter()
            .filter(|one| !is_done(&lab, one))
            .map(|one| plan::seconds(&scale, one))
            .sum();
        println!(
            "cell {}/{} {one}: about {:.0} min for all that is left",
            at + 1,
            cells.len(),
            pace * rest / 60.0
        );
        worked += cell::run(&lab, one)?;
        foreseen += plan::seconds(&scale, one);
    }
    page::write(&lab, &cells, &args.results)?;
    println!(
        "{} of {} cells; {}",
        done(&lab, &cells),
        cells.len(),
        args.results.display()
    );
    Ok(())
}

fn done(lab: &Lab, cells: &[Cell]) -> usize {
    cells.iter().filter(|one| is_done(lab, one)).count()
}
