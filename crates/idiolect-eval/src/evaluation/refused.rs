//! What an evaluation is refused for before anything is asked: a template or a judge that its task has no use for.

use crate::error::EvalError;
use crate::evaluation::evaluate::Evaluation;
use crate::evaluation::identity::EvaluatedModel;

/// The end of the names of templates that add the suffix of the jailbreak test.
const JAILBREAK_TEMPLATE: &str = "alpaca_gcg";

impl Evaluation {
    /// The suffix of the jailbreak test is the task's or the template's to add, not both's.
    pub(super) fn check_template(&self, model: &EvaluatedModel) -> Result<(), EvalError> {
        let template = model.template.as_deref().unwrap_or_default();
        if template.ends_with(JAILBREAK_TEMPLATE) && self.task.has_jailbreak_suffix() {
            let expected = "another template with this task, whose prompts have the suffix already (advbench_raw with \
                            this one is the same prompt)";
            return Err(EvalError::setting("template", expected, template));
        }
        Ok(())
    }

    pub(super) fn check_judge(&self, opened: bool) -> Result<(), EvalError> {
        let judged = self.task.is_mt_bench() || self.task.pairwise().is_some();
        match (&self.settings.judge, opened) {
            (Some(address), false) => Err(EvalError::setting(
                "judge",
                "somebody who opens it",
                address,
            )),
            (_, true) if !judged => Err(EvalError::setting(
                "judge",
                "nothing for this task",
                "a judge",
            )),
            _ => Ok(()),
        }
    }
}
