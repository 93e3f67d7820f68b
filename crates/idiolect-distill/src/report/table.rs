//! What became of the responses of a data set, as lines for people.

use super::ResponseNll;
use super::summary::DistillSummary;

impl DistillSummary {
    /// What became of the responses, with their likelihood under the base model before and after.
    #[must_use]
    pub fn table(&self, [before, after]: [&ResponseNll; 2]) -> String {
        let refused = self.refused.iter();
        let refused: Vec<String> = refused.map(|(name, n)| format!("{name} {n}")).collect();
        format!(
            "responses replaced by rewrites        {}/{} ({} of them unchanged)\n\
             rewrites refused                      {}\n\
             words of a response                   {:.1} before, {:.1} after\n\
             nats per token under the base model   {:.4} before, {:.4} after\n",
            self.replaced,
            self.rows,
            self.identical,
            if refused.is_empty() {
                "none".into()
            } else {
                refused.join(", ")
            },
            self.length_before.words,
            self.length_after.words,
            before.per_token,
            after.per_token,
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refused_rewrites_are_named_by_reason() {
        let summary = |refused: serde_json::Value| -> DistillSummary {
            let length = json!({"words": 2.0, "characters": 4.0});
            let summary = json!({
                "rows": 9, "rewritten": 9, "replaced": 6, "replaced_share": 0.5, "kept": 3, "identical": 1,
                "refused": refused, "refused_share": {}, "finish_reasons": {}, "tokens": 9,
                "length_before": length, "length_after": length,
            });
            serde_json::from_value(summary).unwrap()
        };
        let nll = ResponseNll {
            per_token: 0.5,
            per_row: 1.0,
            tokens: 2,
        };
        let table = summary(json!({"echo": 1, "empty": 2})).table([&nll, &nll]);
        let expected = "responses replaced by rewrites        6/9 (1 of them unchanged)\n\
                        rewrites refused                      echo 1, empty 2\n\
                        words of a response                   2.0 before, 2.0 after\n\
                        nats per token under the base model   0.5000 before, 0.5000 after\n";
        assert_eq!(table, expected);
        let none = summary(json!({})).table([&nll, &nll]);
        assert!(none.contains("rewrites refused                      none\n"));
    }
}
