//! What the whole job found, as a table for standard output.

use std::fmt::Write;

use idiolect::distill::Summary;

use crate::outcome::{Outcome, Scores};

impl Outcome {
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
        row("embedding similarity to the seed model", &|scores| {
            or_dash(scores.embedding, 4)
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
