//! `cargo xtask experiment`: plain against distilled fine-tuning in many small runs, and docs/RESULTS.md; and
//! `cargo xtask contrast`: what both learn and forget of the same rows.

use crate::{fetch, shell};

/// Fetches the models, builds, and runs `idiolect-experiment`, with `more` arguments behind its own.
///
/// Without the shared data, `more` names the folder of the tasks' files: `--data FOLDER`.
pub(crate) fn run(more: &[&str]) -> shell::Outcome {
    let names = |flag: &str| more.contains(&flag);
    shell::build(&["idiolect-cli", "idiolect-experiment"])?;
    let mut experiment = shell::built("idiolect-experiment", more);
    if !names("--model") {
        experiment.arg("--model").arg(fetch::smollm2()?);
    }
    if !names("--embedder") {
        experiment.arg("--embedder").arg(fetch::minilm()?);
    }
    if !names("--data") {
        let shared =
            shell::shared().ok_or("the shared data are absent: --data FOLDER names another")?;
        experiment.arg("--data").arg(shared.join("data"));
    }
    shell::run(&mut experiment)
}

/// Fetches the models, builds, and runs `idiolect-contrast`, with `more` arguments behind its own.
///
/// Without the shared data, `more` names the rows: `--data FILE`.
pub(crate) fn contrast(more: &[&str]) -> shell::Outcome {
    let names = |flag: &str| more.contains(&flag);
    shell::build(&["idiolect-contrast"])?;
    let mut contrast = shell::built("idiolect-contrast", more);
    if !names("--model") {
        contrast.arg("--model").arg(fetch::smollm2()?);
    }
    if !names("--embedder") {
        contrast.arg("--embedder").arg(fetch::minilm()?);
    }
    if !names("--data") {
        let shared =
            shell::shared().ok_or("the shared data are absent: --data FILE names other rows")?;
        let data = shared.join("data");
        contrast
            .arg("--data")
            .arg(data.join("sdft/alpaca_train.json"));
        contrast.arg("--tasks").arg(data);
    }
    shell::run(&mut contrast)
}
