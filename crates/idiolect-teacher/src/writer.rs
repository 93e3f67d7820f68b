//! A teacher as a writer of completions: who it is to a journal, and what it says of its costs.

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, Reasoning, Writer, WriterIdentity,
};
use idiolect_input::counted;
use serde_json::{Value, json};

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
            omit_temperature,
            reasoning,
            logprobs,
            ..
        } = self.config();
        let mut sampler = json!({
            "temperature": sampling.temperature, "top_k": sampling.top_k, "top_p": sampling.top_p,
            "min_p": sampling.min_p, "repetition_penalty": sampling.repetition_penalty,
            "stops": stop, "max_new_tokens": max_new_tokens,
        });
        // Journals of before these settings stay valid.
        if *omit_temperature {
            sampler["temperature"] = Value::Null;
        }
        if *reasoning != Reasoning::default() {
            sampler["reasoning"] = json!(reasoning);
        }
        if let Some(asked) = logprobs {
            sampler["logprobs"] = json!(asked.count);
        }
        WriterIdentity {
            model: self.model().to_owned(),
            adapter: None,
            sampler,
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
        let (spent, money, replies) = (self.spent(), self.money_spent(), self.replies());
        let costs = format!(
            "{}: {} in {}, {} of prompts, {} of texts, {money:.4} of money",
            self.model(),
            counted(spent.texts, "text", "texts"),
            counted(spent.attempts, "attempt", "attempts"),
            counted(spent.prompt_tokens, "token", "tokens"),
            spent.text_tokens,
        );
        match replies.line() {
            None => costs,
            Some(line) => format!("{costs}; {line}"),
        }
    }

    /// What was spent so far, as a summary holds it; nothing where nothing was asked.
    #[must_use]
    pub fn costs(&self) -> Option<Value> {
        let (spent, replies) = (self.spent(), self.replies());
        (spent.attempts > 0).then(|| {
            json!({
                "attempts": spent.attempts, "texts": spent.texts, "prompt_tokens": spent.prompt_tokens,
                "text_tokens": spent.text_tokens, "money": self.money_spent(),
                "reasoning_removed": replies.reasoning_removed, "only_reasoning": replies.only_reasoning,
            })
        })
    }

    /// What to do about replies that were reasoning and no text, in one line; nothing where there were none.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        self.replies().advice(self.spent().texts)
    }
}
