//! A teacher as a writer of completions: who it is to a journal, and what it says of its costs.

use idiolect_completion::{BoxError, Completion, CompletionRequest, Writer, WriterIdentity};
use serde_json::json;

use crate::config::TeacherConfig;
use crate::teacher::Teacher;

impl Writer for Teacher {
    /// The server's name for its model, and the sampler.
    ///
    /// The address is left out: a server may come back at another one.
    fn identity(&self) -> WriterIdentity {
        let TeacherConfig {
            sampling,
            max_new_tokens,
            stop,
            ..
        } = self.config();
        WriterIdentity {
            model: self.model().to_owned(),
            adapter: None,
            sampler: json!({
                "temperature": sampling.temperature, "top_k": sampling.top_k, "top_p": sampling.top_p,
                "min_p": sampling.min_p, "repetition_penalty": sampling.repetition_penalty,
                "stops": stop, "max_new_tokens": max_new_tokens,
            }),
        }
    }

    /// As [`Teacher::complete`]; the error in the box is a [`crate::TeacherError`].
    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        Ok(Teacher::complete(self, requests, on_done)?)
    }
}

impl Teacher {
    /// What was spent so far, in the currency of the prices; 0 without prices.
    #[must_use]
    pub fn money_spent(&self) -> f64 {
        self.config().budget.money_for(&self.spent())
    }

    /// What was spent so far, in one line for people.
    #[must_use]
    pub fn spending(&self) -> String {
        let (spent, money) = (self.spent(), self.money_spent());
        format!(
            "{}: {} texts in {} attempts, {} tokens of prompts, {} of texts, {money:.4} of money",
            self.model(),
            spent.texts,
            spent.attempts,
            spent.prompt_tokens,
            spent.text_tokens,
        )
    }
}
