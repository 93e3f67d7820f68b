//! The beginning of the page of results: what was run, on what, and what the columns mean.

use crate::error::ExperimentError;
use crate::measured::{Done, Measured};
use crate::program::{Lab, read_json};

const LEGEND: &str = "\
Each entry is a mean with its 95 % bootstrap interval over items, the seeds averaged item by item first, then the \
lowest and highest mean of a seed; parameter shift has its interval over seeds. *call*: OpenFunctions by the rule of \
branch main; *half marks* by that of branch reproduce; *instructions* and *prompts*: IFEval, loose, the forgetting \
test; *safe*: share of AdvBench prompts refused; *bleu4*, *rouge_l*, *embedding*: likeness of the answers to raw \
AdvBench prompts to those of the base model, 1 is unmoved; *parameter shift*: change of the adapted weights \
relative to them; *responses changed*: training rows whose response is not the data set's.\n";

/// The head of the page.
///
/// # Errors
///
/// Those of reading the base model's settings.
pub(crate) fn write(lab: &Lab, seed: &Measured, done: &[Done]) -> Result<String, ExperimentError> {
    let scale = &lab.scale;
    let model = lab
        .args
        .model
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let eval = read_json(
        &lab.out
            .join("seed")
            .join(scale.tasks[0].0)
            .join("eval.json"),
    )?;
    let hash = eval["model_hash"].as_str().unwrap_or("unknown");
    let minutes = (seed.seconds + done.iter().map(|(_, one)| one.seconds).sum::<f64>()) / 60.0;
    let tasks = scale
        .tasks
        .map(|(name, items, tokens)| format!("{name} {items} x {tokens}"));
    let longest = if scale.longest == 0 {
        "rows of any length".to_owned()
    } else {
        format!(
            "rows whose prompt and response have at most {} characters",
            scale.longest
        )
    };
    let mut text = format!(
        "# Results\n\nWritten by `cargo xtask experiment --scale {}`; not by hand. The comparison of arXiv \
         2402.13669 on {model} (identity {hash}), idiolect {}, device {}.\n\n\
         - LoRA on the query and value projections, rank 8, alpha 16, batch 8, cosine; rate {}, epochs {} \
         (openfunction) and {} (alpaca), seeds 1 to {}; {longest}, drawn once.\n\
         - Rewrites: greedy, at most {} tokens, check call (openfunction) or text (alpaca); shared by all cells.\n\
         - Items and most tokens of an answer: {}; greedy.\n\
         - Training and measuring took {minutes:.0} minutes in all, without the rewriting.\n\
         - Cut for time where the scale is not paper: model, rows, items, answer lengths, and the rate raised to \
         make up for few steps. Left out: win rates, which need a \
         judge, and GSM8K, HumanEval and the knowledge tasks.\n",
        scale.name,
        env!("CARGO_PKG_VERSION"),
        lab.args.device,
        scale.learning_rate,
        scale.epochs[0],
        scale.epochs[1],
        scale.seeds,
        scale.rewrite_tokens,
        tasks.join(", "),
    );
    text += "\n";
    text += LEGEND;
    Ok(text)
}
