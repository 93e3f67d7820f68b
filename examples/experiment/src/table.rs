//! Cells to the lines of Markdown tables, and whether distilled is better than plain.
//!
//! Seeds are averaged item by item first, for answers of several seeds to one item are not independent; the
//! intervals are over items. What has one number a cell has its interval over seeds.

use idiolect_metrics::MetricsError;
use idiolect_metrics::interval::{Draws, Interval, bootstrap, mean, paired};

use crate::measured::Measured;

/// How intervals are drawn.
const DRAWS: Draws = Draws {
    samples: 10_000,
    level: 0.95,
    seed: 42,
};
/// Fewer seeds than these say nothing of their spread.
const SEEDS: usize = 2;

/// Cells that differ in nothing but the seed.
pub(crate) struct Group {
    /// First columns of its line.
    pub(crate) label: Vec<String>,
    /// Results of its cells, by seed.
    pub(crate) cells: Vec<Measured>,
}

/// The score that stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// The mean of a score of items, by its name.
    Score(&'static str),
    /// Relative change of the weights.
    Shift,
    /// Training rows with a response that the distillation changed.
    Changed,
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Score(name) => name,
            Self::Shift => "parameter shift",
            Self::Changed => "responses changed",
        }
    }
}

/// A table with a line for each group.
pub(crate) fn table(first: &[&str], columns: &[Column], groups: &[Group]) -> String {
    let titles = first.iter().copied().chain(["seeds"]);
    let titles: Vec<&str> = titles
        .chain(columns.iter().map(|one| one.title()))
        .collect();
    let mut text = line(&titles.iter().map(ToString::to_string).collect::<Vec<_>>());
    text += &line(&vec!["---".to_owned(); titles.len()]);
    for group in groups {
        let mut fields = group.label.clone();
        fields.push(group.cells.len().to_string());
        fields.extend(columns.iter().map(|column| entry(*column, &group.cells)));
        text += &line(&fields);
    }
    text
}

fn line(fields: &[String]) -> String {
    format!("| {} |\n", fields.join(" | "))
}

fn entry(column: Column, cells: &[Measured]) -> String {
    match column {
        Column::Score(name) => score(name, cells),
        Column::Shift => {
            let all: Vec<f64> = cells.iter().filter_map(|cell| cell.shift).collect();
            bootstrap(&all, &DRAWS).map_or("–".into(), |found| shown(&found, 4))
        }
        Column::Changed => {
            let all: Vec<f64> = cells.iter().map(|cell| cell.changed as f64).collect();
            mean(&all).map_or("–".into(), |count| format!("{count:.0}"))
        }
    }
}

/// Mean and interval over items; behind it the means of the seeds that are furthest apart.
fn score(name: &str, cells: &[Measured]) -> String {
    let Some(found) = averaged(name, cells).and_then(|items| bootstrap(&items, &DRAWS)) else {
        return "–".into();
    };
    let seeds = cells.iter().filter_map(|cell| mean(cell.values.get(name)?));
    let seeds: Vec<f64> = seeds.collect();
    let text = shown(&found, 3);
    if seeds.len() < SEEDS {
        return text;
    }
    let low = seeds.iter().copied().fold(f64::INFINITY, f64::min);
    let high = seeds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{text}, seeds {low:.3} to {high:.3}")
}

fn shown(found: &Interval, digits: usize) -> String {
    let Interval { mean, low, high } = found;
    format!("{mean:.digits$} [{low:.digits$}, {high:.digits$}]")
}

/// The mean over seeds of each item; nothing where the score is not there for all.
fn averaged(name: &str, cells: &[Measured]) -> Option<Vec<f64>> {
    let all: Option<Vec<&Vec<f64>>> = cells.iter().map(|cell| cell.values.get(name)).collect();
    let all = all?;
    let items = all.iter().map(|values| values.len()).min()?;
    let item = |at: usize| all.iter().map(|values| values[at]).sum::<f64>() / all.len() as f64;
    Some((0..items).map(item).collect())
}

/// How the second of two groups compares on one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Higher: better, for every score here is the higher the better.
    Higher,
    /// Lower.
    Lower,
    /// The interval of the difference holds zero.
    Same,
}

/// Second against first on the same items: which is higher, and the line that shows it; nothing where one of
/// them lacks the score.
///
/// # Errors
///
/// [`MetricsError::Lengths`] where they were asked different items.
pub(crate) fn verdict(
    name: &str,
    first: &Group,
    second: &Group,
) -> Result<Option<(Side, String)>, MetricsError> {
    let both = averaged(name, &first.cells).zip(averaged(name, &second.cells));
    let Some((a, b)) = both else { return Ok(None) };
    let Some(found) = paired(&a, &b, &DRAWS)? else {
        return Ok(None);
    };
    let Interval { low, high, .. } = found.difference;
    let (side, word) = if 0.0 < low {
        (Side::Higher, "**higher**")
    } else if high < 0.0 {
        (Side::Lower, "**lower**")
    } else {
        (Side::Same, "not told apart")
    };
    let counts = format!("{} / {} of {}", found.higher, found.lower, a.len());
    let (difference, p) = (shown(&found.difference, 3), format!("{:.3}", found.p_value));
    let fields = [name.to_owned(), difference, p, counts, word.to_owned()];
    Ok(Some((side, line(&fields))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn group(label: &str, seeds: &[&[f64]]) -> Group {
        let cell = |values: &&[f64]| Measured {
            values: BTreeMap::from([("call".to_owned(), values.to_vec())]),
            shift: Some(0.25),
            changed: 3,
            ..Measured::default()
        };
        Group {
            label: vec![label.into()],
            cells: seeds.iter().map(cell).collect(),
        }
    }

    #[test]
    fn a_table_has_means_intervals_and_the_spread_of_seeds() {
        let columns = [
            Column::Score("call"),
            Column::Shift,
            Column::Changed,
            Column::Score("safe"),
        ];
        let groups = [group("plain", &[&[1.0, 1.0], &[0.0, 0.0]])];
        let want = "| method | seeds | call | parameter shift | responses changed | safe |\n\
            | --- | --- | --- | --- | --- | --- |\n\
            | plain | 2 | 0.500 [0.500, 0.500], seeds 0.000 to 1.000 | 0.2500 [0.2500, 0.2500] | 3 | – |\n";
        assert_eq!(table(&["method"], &columns, &groups), want);
    }

    #[test]
    fn a_verdict_needs_an_interval_without_zero() {
        let (all, none) = ([1.0; 12], [0.0; 12]);
        let mut half = none;
        half[..6].fill(1.0);
        let text = |first: &[f64], second: &[f64]| {
            verdict("call", &group("a", &[first]), &group("b", &[second]))
                .unwrap()
                .unwrap()
        };
        assert_eq!(text(&none, &all).0, Side::Higher);
        assert_eq!(text(&all, &none).0, Side::Lower);
        assert_eq!(text(&half, &half).0, Side::Same);
        assert!(text(&none, &half).1.contains("6 / 0 of 12"));
    }

    #[test]
    fn other_items_are_refused() {
        let refused = verdict("call", &group("a", &[&[1.0]]), &group("b", &[&[1.0, 0.0]]));
        assert!(refused.is_err());
    }
}
