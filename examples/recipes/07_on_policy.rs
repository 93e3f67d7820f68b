//! On-policy self-distillation: the model answers by itself, and the same weights, shown a demonstration, teach it at
//! each token of its own answers.
//!
//! `cargo run --release -p idiolect-recipes --example 07_on_policy -- MODEL DATA.jsonl FOLDER`
#![allow(clippy::print_stdout)]

use std::path::Path;

use idiolect::finetune::{DivergenceKind, SupportKind, TeacherKind};
use idiolect::generate::GenerationSettings;
use idiolect::{
    BoxError, Dataset, FineTune, LanguageModel, OnPolicy, TeachingSettings, TrainConfig,
};

/// Distils a model on its own answers to the prompts of a data set; gives the divergence from the teacher in the first
/// and in the last step.
pub(crate) fn distil(model: &str, data: &Path, folder: &Path) -> Result<[f64; 2], BoxError> {
    let model = LanguageModel::open(model)?;
    let data = Dataset::open(data)?;
    let run = FineTune::new(&model, &data)
        .config(TrainConfig {
            epochs: 1,
            learning_rate: 5e-4,
            ..TrainConfig::default()
        })
        .run_dir(folder)
        .on_event(|event| println!("{event}"));
    let tuned = OnPolicy::new(run)
        .teaching(TeachingSettings {
            teacher: TeacherKind::Ema,
            divergence: DivergenceKind::ForwardKl,
            support: SupportKind::TeacherTopK,
            support_top_k: 20,
            ..TeachingSettings::default()
        })
        .generation(GenerationSettings {
            temperature: 1.0,
            max_new_tokens: 32,
            ..GenerationSettings::default()
        })
        .start()?;
    let divergence = |row: Option<&idiolect::train::StepRow>| {
        let found = row.and_then(|row| row.more.get("divergence"));
        found.copied().ok_or("a step without a trained token")
    };
    let steps = &tuned.report.steps;
    Ok([divergence(steps.first())?, divergence(steps.last())?])
}

fn main() -> Result<(), BoxError> {
    let mut args = std::env::args().skip(1);
    let model = args.next().ok_or("a model")?;
    let data = args.next().ok_or("a data set")?;
    let folder = args.next().ok_or("a folder to write to")?;
    let [first, last] = distil(&model, data.as_ref(), folder.as_ref())?;
    println!("divergence from the teacher: {first:.4} to {last:.4} nats a token");
    Ok(())
}
