//! Fine-tune: an adapter is trained on a file of examples, and the model answers with it on.
//!
//! `cargo run --release -p idiolect-recipes --example 01_fine_tune`
#![allow(clippy::print_stdout)]

use idiolect::{Dataset, FineTune, LanguageModel, LoraConfig};

fn main() -> Result<(), idiolect::Error> {
    let model = LanguageModel::open("models/SmolLM2-135M-Instruct.Q4_1.gguf")?;
    let data = Dataset::open("train.jsonl")?;
    let run = FineTune::new(&model, &data)
        .lora(LoraConfig {
            rank: 16,
            ..LoraConfig::default()
        })
        .run_dir("runs/plain")
        .on_event(|event| println!("{event}"))
        .start()?;
    println!("{}", run.model.chat("What is an idiolect?")?);
    Ok(())
}
