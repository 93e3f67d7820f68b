//! `cargo xtask experiment`: what plain and distilled fine-tuning learn and forget of the same rows, and docs/RESULTS.md.

use crate::{fetch, shell};

/// Fetches the models, builds, and runs `idiolect-experiment`, with `more` arguments behind its own.
///
/// Without the shared data, `more` names the rows: `--data FILE`.
pub(crate) fn run(more: &[&str]) -> shell::Outcome {
    let names = |flag: &str| more.contains(&flag);
    shell::build(&["idiolect-experiment"])?;
    let mut experiment = shell::built("idiolect-experiment", more);
    if !names("--model") {
        experiment.arg("--model").arg(fetch::smollm2()?);
    }
    if !names("--embedder") {
        experiment.arg("--embedder").arg(fetch::minilm()?);
    }
    if !names("--data") {
        let shared =
            shell::shared().ok_or("the shared data are absent: --data FILE names other rows")?;
        let data = shared.join("data");
        experiment
            .arg("--data")
            .arg(data.join("sdft/alpaca_train.json"));
        experiment.arg("--tasks").arg(data);
    }
    shell::run(&mut experiment)
}
