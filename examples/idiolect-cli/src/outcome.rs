//! What the whole job found: the numbers side by side, as a table for eyes and as JSON.

use std::fmt::Write;
use std::path::Path;

use idiolect::data::{DataSet, Row};
use idiolect::distill::{Check, Summary};
use idiolect::lora::{SiteShift, total};
use idiolect::metrics;
use serde::Serialize;

use crate::answering::Answered;
use crate::commands::score::score_rows;
use crate::error::CliError;
use crate::opened::Opened;

/// One model's part: its answers, and for a trained one how far it moved.
pub struct Side {
    /// Answers to the held-out rows, in their order.
    pub answers: Vec<Answered>,
    /// Shift of every adapted projection.
    pub shift: Option<Vec<SiteShift>>,
    /// Training loss of the last step.
    pub last_loss: Option<f64>,
}

/// Likelihood of responses under the seed model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TargetNll {
    /// Mean over the rows of each row's nats per token.
    pub per_token: f64,
    /// Mean over the rows of each row's nats.
    pub per_row: f64,
    /// Tokens of all responses.
    pub tokens: usize,
}

/// The scores of one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// `seed`, `plain` or `distilled`.
    pub model: &'static str,
    /// Right answers by the task's check; none for a task without one.
    pub right: Option<usize>,
    /// BLEU-4 by characters against the seed model's answers, 0 to 1.
    pub bleu4: f64,
    /// ROUGE-L against the seed model's answers, 0 to 1.
    pub rouge_l: f64,
    /// BLEU-4 against the data set's responses.
    pub bleu4_to_label: f64,
    /// Answers that ended by themselves.
    pub ended: usize,
    /// Frobenius norm of the change of all weights.
    pub shift: Option<f64>,
    /// Mean over the adapted projections of the change relative to the weight.
    pub relative_shift: Option<f64>,
    /// Training loss of the last step.
    pub last_loss: Option<f64>,
}

/// Everything that the report says.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Held-out rows.
    pub rows: usize,
    /// Seed, plain, distilled.
    pub models: Vec<Scores>,
    /// What the distillation kept.
    pub summary: Summary,
    /// Likelihood of the responses as they were, and as they were trained on.
    pub target_nll: [TargetNll; 2],
}

/// Scores the responses of `rows` under the model that is opened.
///
/// # Errors
///
/// The errors of rendering and scoring.
pub fn target_nll(opened: &Opened, rows: &[Row]) -> Result<TargetNll, CliError> {
    let one = |row: &Row| opened.example_row(row.example.id.clone(), &row.example.messages);
    let encoded = rows.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    let scored = score_rows(opened, &encoded, 8)?;
    let count = scored.len().max(1) as f64;
    Ok(TargetNll {
        per_token: scored
            .iter()
            .map(|row| row.nll / row.tokens.max(1) as f64)
            .sum::<f64>()
            / count,
        per_row: scored.iter().map(|row| row.nll).sum::<f64>() / count,
        tokens: scored.iter().map(|row| row.tokens).sum(),
    })
}

impl Outcome {
    /// Scores the answers of all three models.
    ///
    /// # Errors
    ///
    /// [`CliError::Setting`] for a label that the check cannot use.
    pub fn new(
        eval: &DataSet,
        check: Check,
        [seed, plain, distilled]: [Side; 3],
        summary: Summary,
        target_nll: [TargetNll; 2],
    ) -> Result<Self, CliError> {
        let labels: Vec<&str> = eval
            .rows
            .iter()
            .map(|row| row.example.response().unwrap_or_default())
            .collect();
        let seed_texts: Vec<&str> = seed
            .answers
            .iter()
            .map(|answer| answer.text.as_str())
            .collect();
        let score = |model, side: &Side| -> Result<Scores, CliError> {
            let texts: Vec<&str> = side
                .answers
                .iter()
                .map(|answer| answer.text.as_str())
                .collect();
            let shifts = side.shift.as_deref();
            Ok(Scores {
                model,
                right: right(check, &labels, &texts)?,
                bleu4: mean(&seed_texts, &texts, metrics::bleu4),
                rouge_l: mean(&seed_texts, &texts, metrics::rouge_l),
                bleu4_to_label: mean(&labels, &texts, metrics::bleu4),
                ended: side
                    .answers
                    .iter()
                    .filter(|answer| answer.finish_reason != "length")
                    .count(),
                shift: shifts.map(total),
                relative_shift: shifts.map(|all| {
                    all.iter().map(|shift| shift.relative).sum::<f64>() / all.len().max(1) as f64
                }),
                last_loss: side.last_loss,
            })
        };
        let models = vec![
            score("seed", &seed)?,
            score("plain", &plain)?,
            score("distilled", &distilled)?,
        ];
        Ok(Self {
            rows: labels.len(),
            models,
            summary,
            target_nll,
        })
    }

    /// Writes `report.json`.
    ///
    /// # Errors
    ///
    /// [`CliError::Io`] when it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), CliError> {
        std::fs::create_dir_all(folder).map_err(CliError::io(folder))?;
        let path = folder.join("report.json");
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        std::fs::write(&path, text + "\n").map_err(CliError::io(&path))
    }

    /// The table for standard output.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut row = |name: &str, cell: &dyn Fn(&Scores) -> String| {
            let cells: Vec<String> = self
                .models
                .iter()
                .map(|scores| format!("{:>12}", cell(scores)))
                .collect();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<38}{}", cells.join(""));
        };
        let or_dash = |number: Option<f64>, digits: usize| {
            number.map_or("-".into(), |x| format!("{x:.digits$}"))
        };
        row("", &|scores| scores.model.into());
        row("right answers", &|scores| {
            scores
                .right
                .map_or("-".into(), |right| format!("{right}/{}", self.rows))
        });
        row("BLEU-4 against the seed model", &|scores| {
            format!("{:.4}", scores.bleu4)
        });
        row("ROUGE-L against the seed model", &|scores| {
            format!("{:.4}", scores.rouge_l)
        });
        row("BLEU-4 against the labels", &|scores| {
            format!("{:.4}", scores.bleu4_to_label)
        });
        row("answers that end by themselves", &|scores| {
            format!("{}/{}", scores.ended, self.rows)
        });
        row("parameter shift (Frobenius norm)", &|scores| {
            or_dash(scores.shift, 4)
        });
        row("training loss of the last step", &|scores| {
            or_dash(scores.last_loss, 4)
        });
        text + &self.targets()
    }

    fn targets(&self) -> String {
        let [before, after] = self.target_nll;
        let Summary {
            replaced,
            rows,
            identical,
            ..
        } = &self.summary;
        let refused: Vec<String> = self
            .summary
            .refused
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        format!(
            "\nresponses replaced by rewrites        {replaced}/{rows} ({identical} of them unchanged)\n\
             rewrites refused                      {}\n\
             words of a response                   {:.1} before, {:.1} after\n\
             nats per token under the seed model   {:.4} before, {:.4} after\n",
            if refused.is_empty() {
                "none".into()
            } else {
                refused.join(", ")
            },
            self.summary.length_before.words,
            self.summary.length_after.words,
            before.per_token,
            after.per_token,
        )
    }
}

fn mean(references: &[&str], texts: &[&str], score: impl Fn(&str, &str) -> f64) -> f64 {
    let pairs = references.iter().zip(texts);
    pairs
        .map(|(reference, text)| score(reference, text))
        .sum::<f64>()
        / texts.len().max(1) as f64
}

/// Right answers by the rule of the task; none for plain text.
fn right(check: Check, labels: &[&str], texts: &[&str]) -> Result<Option<usize>, CliError> {
    let mut right = 0;
    for (label, text) in labels.iter().zip(texts) {
        let holds = match check {
            Check::Math => metrics::math::same_answer(label, text),
            Check::Code => metrics::code::accepts(text),
            Check::Call | Check::CallHalf => metrics::call::matches_main(label, text)
                .map_err(|error| CliError::setting("label", "a function call", error))?,
            Check::Text => return Ok(None),
        };
        right += usize::from(holds);
    }
    Ok(Some(right))
}
