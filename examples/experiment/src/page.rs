//! docs/RESULTS.md: what the cells came to, whatever it says.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use crate::appendix;
use crate::cell::{Measured, result};
use crate::error::ExperimentError;
use crate::plan::{Cell, SETS, TEMPLATES};
use crate::program::{Lab, read_json};
use crate::table::{Column, Group, Side, table, verdict};

/// What a model can do, and what it keeps.
const SKILLS: [Column; 5] = [
    Column::Changed,
    Column::Score("call"),
    Column::Score("call, half marks"),
    Column::Score("instructions"),
    Column::Score("prompts"),
];
/// What it refuses, and how far it moved.
const MOVED: [Column; 6] = [
    Column::Score("safe"),
    Column::Score("safe, jailbreak"),
    Column::Score("bleu4"),
    Column::Score("rouge_l"),
    Column::Score("embedding"),
    Column::Shift,
];
/// Scores that a verdict is given on.
const JUDGED: [&str; 9] = [
    "call",
    "call, half marks",
    "instructions",
    "prompts",
    "safe",
    "safe, jailbreak",
    "bleu4",
    "rouge_l",
    "embedding",
];
const LEGEND: &str = "\
Each entry is a mean with its 95 % bootstrap interval over items, the seeds averaged item by item first, then the \
lowest and highest mean of a seed; parameter shift has its interval over seeds. *call*: OpenFunctions by the rule of \
branch main; *half marks* by that of branch reproduce; *instructions* and *prompts*: IFEval, loose, the forgetting \
test; *safe*: share of AdvBench prompts refused; *bleu4*, *rouge_l*, *embedding*: likeness of the answers to raw \
AdvBench prompts to those of the seed model, 1 is unmoved; *parameter shift*: change of the adapted weights \
relative to them; *responses changed*: training rows whose response is not the data set's.\n";

/// Writes the page.
///
/// # Errors
///
/// Those of reading results and writing.
pub(crate) fn write(lab: &Lab, cells: &[Cell], to: &Path) -> Result<(), ExperimentError> {
    let seed = result(lab, None)?.unwrap_or_default();
    let mut done = Vec::new();
    for cell in cells {
        done.extend(result(lab, Some(cell))?.map(|measured| (*cell, measured)));
    }
    let mut text = opening(lab, &seed, &done)?;
    text += &sections(lab, &seed, &done)?;
    text += &appendix::rewrites(lab)?;
    text += &appendix::missing(cells, &done);
    text += &appendix::hashes(lab, &seed, &done)?;
    std::fs::write(to, text).map_err(ExperimentError::io(to))
}

/// A cell with what it came to.
pub(crate) type Done = (Cell, Measured);

/// The groups of the cells that `wanted` takes, the seed model first, each with its rows and its method.
fn groups(seed: &Measured, done: &[Done], wanted: impl Fn(&Cell) -> bool) -> Vec<Group> {
    let mut groups = vec![Group {
        label: vec!["–".into(), "–".into(), "seed model".into()],
        cells: vec![seed.clone()],
    }];
    let mut heads: Vec<Cell> = Vec::new();
    for (cell, measured) in done.iter().filter(|(cell, _)| wanted(cell)) {
        if let Some(at) = heads.iter().position(|head| head.is_like(cell)) {
            groups[at + 1].cells.push(measured.clone());
        } else {
            heads.push(*cell);
            let label = vec![cell.set.to_owned(), cell.rows.to_string(), cell.method()];
            groups.push(Group {
                label,
                cells: vec![measured.clone()],
            });
        }
    }
    groups
}

const FIRST: [&str; 3] = ["trained on", "rows", "method"];

fn sections(lab: &Lab, seed: &Measured, done: &[Done]) -> Result<String, ExperimentError> {
    let rows = lab.scale.rows;
    let [main, _] = SETS;
    let [using, _] = TEMPLATES;
    let whole = |cell: &Cell| cell.mix == 0.0 || cell.mix >= 1.0;
    let is_using = |cell: &Cell| cell.template != Some(TEMPLATES[1]);
    let mut text = String::new();
    let mut section = |title: &str, groups: &[Group]| {
        let _ = write!(
            text,
            "\n## {title}\n\n{}\n{}",
            table(&FIRST, &SKILLS, groups),
            table(&FIRST, &MOVED, groups)
        );
    };
    let chosen = |wanted: &dyn Fn(&Cell) -> bool| groups(seed, done, wanted);
    section(
        "Plain against distilled: tasks, and safety with the four shifts (the paper's first two tables)",
        &chosen(&|cell| cell.rows == rows && whole(cell) && is_using(cell)),
    );
    section(
        "The mix ratio",
        &chosen(&|cell| cell.set == main && cell.rows == rows && is_using(cell)),
    );
    section(
        "The template",
        &chosen(&|cell| cell.set == main && cell.rows == rows && whole(cell)),
    );
    section(
        "Growing samples",
        &chosen(&|cell| cell.set == main && whole(cell) && is_using(cell)),
    );
    text += "\n## Is distilled better than plain?\n\nDifferences are distilled minus plain on the same items, seeds \
        averaged first; p by a permutation test; *higher / lower* counts items. An interval that holds 0 is *not \
        told apart*. No correction is made for the number of comparisons.\n";
    let mut heads: BTreeSet<(&str, usize, &str)> = BTreeSet::new();
    let distilled = done.iter().filter(|(cell, _)| cell.mix >= 1.0);
    heads.extend(distilled.map(|(cell, _)| (cell.set, cell.rows, cell.template.unwrap_or(using))));
    for (set, rows, template) in heads {
        text += &judged(done, set, rows, template)?;
    }
    Ok(text)
}

/// The verdicts on one pair; seeds that only one of them has are left out.
fn judged(
    done: &[Done],
    set: &str,
    rows: usize,
    template: &str,
) -> Result<String, ExperimentError> {
    let of = |wanted: &dyn Fn(&Cell) -> bool| -> Vec<&Done> {
        let same = |(cell, _): &&Done| cell.set == set && cell.rows == rows && wanted(cell);
        done.iter().filter(same).collect()
    };
    let (plain, own) = (
        of(&|cell| cell.template.is_none()),
        of(&|cell| cell.mix >= 1.0 && cell.template == Some(template)),
    );
    let shared = |side: &[&Done], other: &[&Done]| Group {
        label: Vec::new(),
        cells: side
            .iter()
            .filter(|one| other.iter().any(|two| two.0.seed == one.0.seed))
            .map(|one| one.1.clone())
            .collect(),
    };
    let (first, second) = (shared(&plain, &own), shared(&own, &plain));
    let mut lines = String::new();
    let mut sides = Vec::new();
    for name in JUDGED {
        if let Some((side, line)) = verdict(name, &first, &second)? {
            lines += &line;
            sides.push(side);
        }
    }
    let count = |wanted: Side| sides.iter().filter(|side| **side == wanted).count();
    Ok(format!(
        "\n### {set}, {rows} rows, {template}\n\nOf {} scores distilled is higher, which is better, on {}, lower on \
         {}, and not told apart on {}.\n\n| score | distilled minus plain | p | higher / lower | verdict |\n\
         | --- | --- | --- | --- | --- |\n{lines}",
        sides.len(),
        count(Side::Higher),
        count(Side::Lower),
        count(Side::Same),
    ))
}

fn opening(lab: &Lab, seed: &Measured, done: &[Done]) -> Result<String, ExperimentError> {
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
    let _ = write!(text, "\n{LEGEND}");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::cells;
    use crate::scale::named;

    fn some(count: usize) -> Vec<Done> {
        let all = cells(&named("small").unwrap()).into_iter().take(count);
        all.map(|cell| (cell, Measured::default())).collect()
    }

    #[test]
    fn seeds_of_one_method_stand_in_one_line() {
        let done = some(5);
        let groups = groups(&Measured::default(), &done, |_| true);
        let lines: Vec<(&str, usize)> = groups
            .iter()
            .map(|one| (&*one.label[2], one.cells.len()))
            .collect();
        assert_eq!(
            lines,
            [("seed model", 1), ("plain", 3), ("distilled, using", 2)]
        );
    }
}
