//! docs/RESULTS.md: what the cells came to, whatever it says.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use crate::error::ExperimentError;
use crate::measured::{Done, Measured, result};
use crate::plan::{Cell, SETS, TEMPLATES};
use crate::program::Lab;
use crate::table::{Column, Group, Side, table, verdict};
use crate::{appendix, opening};

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
    let mut text = opening::write(lab, &seed, &done)?;
    text += &sections(lab, &seed, &done)?;
    text += &appendix::rewrites(lab)?;
    text += &appendix::missing(cells, &done);
    text += &appendix::hashes(lab, &seed, &done)?;
    std::fs::write(to, text).map_err(ExperimentError::io(to))
}

/// The groups of the cells that `wanted` takes, the base model first, each with its rows and its method.
fn groups(seed: &Measured, done: &[Done], wanted: impl Fn(&Cell) -> bool) -> Vec<Group> {
    let mut groups = vec![Group {
        label: vec!["–".into(), "–".into(), "base model".into()],
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
            [("base model", 1), ("plain", 3), ("distilled, using", 2)]
        );
    }
}
