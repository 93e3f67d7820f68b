//! `cargo xtask experiment`: what plain and distilled training learn and forget of the same rows.
//!
//! The base model rewrites the responses of a data set; the rows whose rewrite was kept and differs train every arm,
//! so that arms differ in responses alone. Each finished arm appends its numbers, item by item and without text, to a
//! file that another machine can resume from. The design, with the primary endpoint that was fixed before any of these
//! runs, is in `design`, the tests in `analysis`, the page in `page`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to a terminal"
)]

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

mod analysis;
mod args;
mod arm;
mod base;
mod design;
mod error;
mod figure;
mod page;
mod record;
mod rows;

use args::Args;
use arm::Lab;
use design::Run;
use error::ExperimentError;
use record::Records;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<(), ExperimentError> {
    let lab = Lab::open(args)?;
    let mut records = Records::open(&args.results, lab.key())?;
    let runs = design::runs();
    let began = Instant::now();
    let mut slowest = 0.0_f64;
    for (at, run) in runs.iter().enumerate() {
        if records.of(run).is_some() {
            continue;
        }
        let spent = began.elapsed().as_secs_f64();
        let is_late = |minutes: f64| 60.0 * minutes < spent + slowest;
        if args.budget_minutes.is_some_and(is_late) {
            println!("the time is spent");
            break;
        }
        println!("run {}/{}: {run}", at + 1, runs.len());
        let before = Instant::now();
        records.append(lab.measure(run)?)?;
        slowest = slowest.max(before.elapsed().as_secs_f64());
    }
    let done = |run: &&Run| records.of(run).is_some();
    println!(
        "{} of {} runs are done",
        runs.iter().filter(done).count(),
        runs.len()
    );
    page::write(&lab, &records, args)
}
