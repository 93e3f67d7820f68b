//! The whole job: distil, train on the original and on the distilled answers, evaluate the base model and both
//! adapters, and write the report.
//!
//! `cargo run --release -p idiolect-recipes --example 03_whole_job`
#![allow(clippy::print_stdout)]

use idiolect::Sdft;

fn main() -> Result<(), idiolect::Error> {
    let outcome = Sdft::from_config("job.toml")?.start()?;
    println!("{}", outcome.table());
    Ok(())
}
