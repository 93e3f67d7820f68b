//! What the whole job found, as a table for people.

use idiolect_forgetting::BaseState;

use super::outcome::Outcome;

/// Scores of other items than the answers, with their titles.
const FURTHER: [(&str, &str); 2] = [
    (BaseState::LEARNING, "learning: held-out, nats a token"),
    (
        BaseState::FORGETTING,
        "forgetting: own answers, nats a token",
    ),
];

impl Outcome {
    /// The three models side by side, then what became of the responses.
    #[must_use]
    pub fn table(&self) -> String {
        let [before, after] = &self.target_nll;
        let finding = self.finding().map(|found| format!("\n{found}\n"));
        format!(
            "{}\n{}{}",
            self.comparison.table(&FURTHER),
            self.summary.table([before, after]),
            finding.unwrap_or_default()
        )
    }
}
