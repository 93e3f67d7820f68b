//! The cells of the experiment, in an order of which every beginning makes a balanced table.
//!
//! A comparison is whole before the next begins, and within it each seed has all its methods before the
//! next seed. Distillation is no cell: it does not depend on the seed of training.

use std::fmt;

use crate::scale::Scale;

/// Tokens a second in training and in generation, on two cores.
const PACE: (f64, f64) = (244.0, 127.0);
/// Seconds of a cell that pass in opening the model again for each step.
const OPENING: f64 = 10.0;

/// One adapter to train and to measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    /// Training set.
    pub(crate) set: &'static str,
    /// Template of the rewrites; nothing for the original responses.
    pub(crate) template: Option<&'static str>,
    /// Training rows.
    pub(crate) rows: usize,
    /// Share of the responses that may be replaced by rewrites; 0 without a template.
    pub(crate) mix: f64,
    /// Seed of the adapter's start, the order of the rows, and the mix.
    pub(crate) seed: u64,
}

/// Training sets: the main one, and a second.
pub(crate) const SETS: [&str; 2] = ["openfunction", "alpaca"];
/// Templates: the main one, and a second.
pub(crate) const TEMPLATES: [&str; 2] = ["using", "refer"];

impl Cell {
    /// Training on the original responses.
    fn plain(set: &'static str, rows: usize, seed: u64) -> Self {
        let (template, mix) = (None, 0.0);
        Self {
            set,
            template,
            rows,
            mix,
            seed,
        }
    }

    /// Training on rewrites.
    fn distilled(
        set: &'static str,
        template: &'static str,
        rows: usize,
        mix: f64,
        seed: u64,
    ) -> Self {
        let template = Some(template);
        Self {
            set,
            template,
            rows,
            mix,
            seed,
        }
    }

    /// Whether two cells differ in nothing but the seed.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        Self { seed: 0, ..*self } == Self { seed: 0, ..*other }
    }

    /// What is compared: plain, or the template with the mix ratio.
    pub(crate) fn method(&self) -> String {
        match self.template {
            None => "plain".into(),
            Some(template) if self.mix < 1.0 => format!("{template}, mix {}", self.mix),
            Some(template) => format!("distilled, {template}"),
        }
    }
}

/// The name of its folder.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            set,
            rows,
            seed,
            mix,
            ..
        } = self;
        match self.template {
            None => write!(f, "{set}-plain-{rows}-seed{seed}"),
            Some(template) => write!(f, "{set}-{template}-mix{mix}-{rows}-seed{seed}"),
        }
    }
}

/// All cells, the most important first.
pub(crate) fn cells(scale: &Scale) -> Vec<Cell> {
    let ([main, second], [using, refer]) = (SETS, TEMPLATES);
    let rows = scale.rows;
    let mut all = Vec::new();
    let mut stage =
        |cells: &dyn Fn(u64) -> Vec<Cell>| all.extend((1..=scale.seeds).flat_map(cells));
    let both = |set, rows, seed| {
        vec![
            Cell::plain(set, rows, seed),
            Cell::distilled(set, using, rows, 1.0, seed),
        ]
    };
    stage(&|seed| both(main, rows, seed));
    let mixed = |seed, ratio: &f64| Cell::distilled(main, using, rows, *ratio, seed);
    stage(&|seed| {
        scale
            .ratios
            .iter()
            .map(|ratio| mixed(seed, ratio))
            .collect()
    });
    stage(&|seed| both(second, rows, seed));
    stage(&|seed| vec![Cell::distilled(main, refer, rows, 1.0, seed)]);
    for size in scale.sizes {
        stage(&|seed| both(main, *size, seed));
    }
    all
}

/// What a cell should take on two cores, in seconds; only its ratio to others matters later.
pub(crate) fn seconds(scale: &Scale, cell: &Cell) -> f64 {
    let tokens = scale.row_tokens[usize::from(cell.set != "openfunction")];
    let trained = (cell.rows * scale.epochs(cell.set) * tokens) as f64;
    let asked = scale.tasks.iter().map(|(_, items, tokens)| items * tokens);
    let asked: usize = asked.sum();
    OPENING + trained / PACE.0 + asked as f64 / PACE.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::named;

    #[test]
    fn small_takes_about_an_hour_on_two_cores() {
        let small = named("small").expect("a scale");
        let seconds: f64 = cells(&small).iter().map(|cell| seconds(&small, cell)).sum();
        let minutes = seconds / 60.0;
        assert!((40.0..55.0).contains(&minutes), "{minutes}");
    }

    fn names() -> Vec<String> {
        cells(&named("small").unwrap())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_main_comparison_comes_first_seed_by_seed() {
        let want = [
            "openfunction-plain-48-seed1",
            "openfunction-using-mix1-48-seed1",
            "openfunction-plain-48-seed2",
            "openfunction-using-mix1-48-seed2",
            "openfunction-plain-48-seed3",
            "openfunction-using-mix1-48-seed3",
            "openfunction-using-mix0.5-48-seed1",
        ];
        assert_eq!(names()[..7], want);
    }

    #[test]
    fn every_cell_has_a_folder_of_its_own() {
        let mut all = names();
        assert_eq!(all.len(), 6 + 3 + 6 + 3 + 12);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 30);
    }

    #[test]
    fn each_distilled_cell_has_its_plain_one() {
        let all = cells(&named("paper").unwrap());
        for cell in all.iter().filter(|cell| cell.template.is_some()) {
            let plain = Cell {
                template: None,
                mix: 0.0,
                ..*cell
            };
            assert!(all.contains(&plain), "{cell}");
        }
    }
}
