//! Self-distil: the model rewrites the answers of a file of examples, a rewrite with another final number is
//! refused, and an adapter is trained on the result.
//!
//! `cargo run --release -p idiolect-recipes --example 02_self_distil`
#![allow(clippy::print_stdout)]

use idiolect::{Check, Dataset, FineTune, LanguageModel, SelfDistill, TrainConfig};

fn main() -> Result<(), idiolect::Error> {
    let model = LanguageModel::open("models/SmolLM2-135M-Instruct.Q4_1.gguf")?;
    let data = Dataset::open("train.jsonl")?;
    let distilled = SelfDistill::new(&model, &data)
        .check(Check::Math)
        .run_dir("runs/distilled")
        .start()?;
    let run = FineTune::new(&model, &distilled.data)
        .config(TrainConfig {
            epochs: 3,
            ..TrainConfig::default()
        })
        .run_dir("runs/distilled/training")
        .start()?;
    println!("{}", run.model.chat("What is 12 times 12?")?);
    Ok(())
}
