//! A comparison as a table for people.

use std::fmt::Write;

use crate::comparison::types::{Comparison, ModelScores};

impl Comparison {
    /// The models side by side, a row for each score that was measured of any of them. Behind the right answers come the
    /// means of `further` scores, each by its name in [`ModelScores::intervals`] and its title.
    #[must_use]
    pub fn table(&self, further: &[(&str, &str)]) -> String {
        let mut table = Table {
            models: &self.models,
            text: String::new(),
        };
        let of = |count: usize| format!("{count}/{}", self.rows);
        table.row("", |model| shown(&model.model).to_owned());
        table.row("right answers", |model| model.right.map_or(NONE.into(), of));
        for (name, title) in further {
            table.number(title, |model| model.mean(name));
        }
        table.number("BLEU-4 against the base model", |model| Some(model.bleu4));
        table.number("ROUGE-L against the base model", |model| {
            Some(model.rouge_l)
        });
        table.number("embedding similarity to the base model", |model| {
            model.embedding
        });
        table.number("BLEU-4 against the labels", |model| {
            Some(model.bleu4_to_label)
        });
        table.row("answers that end by themselves", |model| of(model.ended));
        table.number("parameter shift (Frobenius norm)", |model| model.shift);
        table.number("training loss of the last step", |model| model.last_loss);
        table.text
    }
}

impl ModelScores {
    /// The mean of the values of a score; none where it was not measured.
    #[must_use]
    pub fn mean(&self, score: &str) -> Option<f64> {
        self.intervals.get(score).map(|found| found.mean)
    }
}

/// What stands for a number that was not measured.
const NONE: &str = "-";

/// Lines of cells, one for each model.
struct Table<'a> {
    models: &'a [ModelScores],
    text: String,
}

impl Table<'_> {
    /// A line; none where no model has a value.
    fn row(&mut self, title: &str, cell: impl Fn(&ModelScores) -> String) {
        let cells: Vec<String> = self.models.iter().map(cell).collect();
        if cells.iter().any(|cell| cell != NONE) {
            let cells = cells.iter().map(|cell| format!("{cell:>12}"));
            // Writing to a string cannot fail.
            let _ = writeln!(self.text, "{title:<38}{}", cells.collect::<String>());
        }
    }

    /// A line of numbers.
    fn number(&mut self, title: &str, of: impl Fn(&ModelScores) -> Option<f64>) {
        self.row(title, |model| {
            of(model).map_or(NONE.to_owned(), |number| format!("{number:.4}"))
        });
    }
}

/// The base model is called `seed` in files, whose names older reports have.
fn shown(model: &str) -> &str {
    if model == "seed" { "base" } else { model }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_no_model_has_is_no_row_and_what_one_lacks_a_dash() {
        let model = |name: &str, shift: Option<f64>| {
            json!({
                "model": name, "right": null, "bleu4": 1.0, "rouge_l": 0.5, "embedding": null, "bleu4_to_label": 0.25,
                "ended": 3, "shift": shift, "relative_shift": null, "last_loss": null, "values": {}, "shifts": [],
                "intervals": {"learning": {"mean": 0.125, "low": 0.0, "high": 1.0}},
            })
        };
        let models = [model("seed", None), model("plain", Some(2.0))];
        let found = json!({"rows": 4, "models": models, "gains": {}, "samples": []});
        let found: Comparison = serde_json::from_value(found).unwrap();
        let further = [("learning", "learned"), ("forgetting", "forgotten")];
        let lines = [
            ("", "base", "plain"),
            ("learned", "0.1250", "0.1250"),
            ("BLEU-4 against the base model", "1.0000", "1.0000"),
            ("ROUGE-L against the base model", "0.5000", "0.5000"),
            ("BLEU-4 against the labels", "0.2500", "0.2500"),
            ("answers that end by themselves", "3/4", "3/4"),
            ("parameter shift (Frobenius norm)", "-", "2.0000"),
        ];
        let lines = lines.map(|(title, base, plain)| format!("{title:<38}{base:>12}{plain:>12}\n"));
        assert_eq!(found.table(&further), lines.concat());
    }
}
