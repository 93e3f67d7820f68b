//! The end of the page of results: what was rewritten, what was not run, and the hashes of the raw rows.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::error::ExperimentError;
use crate::measured::{Done, Measured, sha256};
use crate::plan::{Cell, SETS, TEMPLATES};
use crate::program::{Lab, read_json};

/// What each distillation kept.
///
/// # Errors
///
/// Those of reading its summary.
pub(crate) fn rewrites(lab: &Lab) -> Result<String, ExperimentError> {
    let mut text = "\n## The rewrites\n\n| set | template | rows | replaced | of them identical | refused, by reason |\n\
        | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for (set, template) in pairs() {
        let path = lab
            .out
            .join(format!("distill-{set}-{template}/summary.json"));
        if path.is_file() {
            let found = read_json(&path)?;
            let [rows, replaced, same, refused] =
                ["rows", "replaced", "identical", "refused"].map(|name| &found[name]);
            let refused = refused.to_string().replace(['{', '}', '"'], "");
            let refused = refused.replace(',', ", ").replace(':', " ");
            let _ = writeln!(
                text,
                "| {set} | {template} | {rows} | {replaced} | {same} | {refused} |"
            );
        }
    }
    Ok(text)
}

/// Every set with every template.
fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    SETS.into_iter()
        .flat_map(|set| TEMPLATES.map(|template| (set, template)))
}

/// The cells that there was no time for.
pub(crate) fn missing(cells: &[Cell], done: &[Done]) -> String {
    let absent = cells
        .iter()
        .filter(|cell| !done.iter().any(|(one, _)| one == *cell));
    let absent: Vec<String> = absent.map(|cell| format!("- {cell}\n")).collect();
    if absent.is_empty() {
        return format!(
            "\n## Not run\n\nNothing: all {} cells are there.\n",
            cells.len()
        );
    }
    format!(
        "\n## Not run\n\n{} of {} cells, for time:\n\n{}",
        absent.len(),
        cells.len(),
        absent.concat()
    )
}

/// SHA-256 of every file of raw rows, as `sha256sum -c` reads them.
///
/// # Errors
///
/// Those of reading a journal.
pub(crate) fn hashes(lab: &Lab, seed: &Measured, done: &[Done]) -> Result<String, ExperimentError> {
    let mut lines = BTreeSet::new();
    for measured in done.iter().map(|(_, one)| one).chain([seed]) {
        lines.extend(
            measured
                .sha256
                .iter()
                .map(|(path, hash)| format!("{hash}  {path}\n")),
        );
    }
    for (set, template) in pairs() {
        let name = format!("distill-{set}-{template}/journal/rewrites.jsonl");
        let path = lab.out.join(&name);
        if path.is_file() {
            lines.insert(format!("{}  {name}\n", sha256(&path)?));
        }
    }
    let lines: String = lines.into_iter().collect();
    Ok(format!(
        "\n## Raw rows\n\nSHA-256 of the rows behind the tables, below the folder of the scale; the same machine, \
         threads and versions give the same.\n\n```text\n{lines}```\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::cells;
    use crate::scale::named;

    #[test]
    fn cells_that_were_not_run_are_named() {
        let all = cells(&named("small").unwrap());
        let done: Vec<Done> = all[..29]
            .iter()
            .map(|cell| (*cell, Measured::default()))
            .collect();
        let text = missing(&all, &done);
        assert!(text.contains("1 of 30 cells"), "{text}");
        assert!(
            text.contains("- openfunction-using-mix1-24-seed3"),
            "{text}"
        );
    }
}
