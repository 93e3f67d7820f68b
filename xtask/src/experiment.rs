//! `cargo xtask experiment`: plain against distilled fine-tuning in many small runs, and docs/RESULTS.md.

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
