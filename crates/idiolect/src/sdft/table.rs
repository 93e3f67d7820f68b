//! What the whole job found, as a table for people.

use std::fmt::Write;

use idiolect_eval::ModelScores;

use super::Outcome;
use super::finding::mean;
use super::moved::{FORGETTING, LEARNING};

impl Outcome {
    /// The three models side by side, then what became of the responses.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        let rows = self.comparison.rows;
        let mut row = |name: &str, cell: &dyn Fn(&ModelScores) -> String| {
            let models = self.comparison.models.iter();
            let cells: Vec<String> = models.map(cell).collect();
            // What was not measured of any model has no row.
            if cells.iter().any(|cell| cell != "-") {
                let cells = cells.iter().map(|cell| format!("{cell:>12}"));
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{name:<38}{}", cells.collect::<String>());
            }
        };
        let of = |count: usize| format!("{count}/{rows}");
        let or_dash = |number: Option<f64>| number.map_or("-".into(), |x| format!("{x:.4}"));
        row("", &|model| shown(&model.model).into());
        row("right answers", &|model| model.right.map_or("-".into(), of));
        row("learning: held-out, nats a token", &|model| {
            or_dash(mean(model, LEARNING))
        });
        row("forgetting: own answers, nats a token", &|model| {
            or_dash(mean(model, FORGETTING))
        });
        row("BLEU-4 against the base model", &|model| {
            format!("{:.4}", model.bleu4)
        });
        row("ROUGE-L against the base model", &|model| {
            format!("{:.4}", model.rouge_l)
        });
        row("embedding similarity to the base model", &|model| {
            or_dash(model.embedding)
        });
        row("BLEU-4 against the labels", &|model| {
            format!("{:.4}", model.bleu4_to_label)
        });
        row("answers that end by themselves", &|model| of(model.ended));
        row("parameter shift (Frobenius norm)", &|model| {
            or_dash(model.shift)
        });
        row("training loss of the last step", &|model| {
            or_dash(model.last_loss)
        });
        let finding = self.finding().map(|found| format!("\n{found}\n"));
        text + &self.responses() + &finding.unwrap_or_default()
    }

    /// What became of the data set's responses.
    fn responses(&self) -> String {
        let ([before, after], summary) = (&self.target_nll, &self.summary);
        let refused = summary.refused.iter();
        let refused: Vec<String> = refused.map(|(name, n)| format!("{name} {n}")).collect();
        format!(
            "\nresponses replaced by rewrites        {}/{} ({} of them unchanged)\n\
             rewrites refused                      {}\n\
             words of a response                   {:.1} before, {:.1} after\n\
             nats per token under the base model   {:.4} before, {:.4} after\n",
            summary.replaced,
            summary.rows,
            summary.identical,
            if refused.is_empty() {
                "none".into()
            } else {
                refused.join(", ")
            },
            summary.length_before.words,
            summary.length_after.words,
            before.per_token,
            after.per_token,
        )
    }
}

/// The base model is called `seed` in files, whose names older reports have.
fn shown(model: &str) -> &str {
    if model == "seed" { "base" } else { model }
}
