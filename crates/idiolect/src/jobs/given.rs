//! The responses of a data set as what a writer is shown: it scores them and writes none.

use std::fmt;

use idiolect_completion::{BoxError, Prompt};
use idiolect_data::Example;
use idiolect_distill::RewritePrompt;
use idiolect_lm::LanguageModel;

/// Each example's own response in the model's template.
pub(super) struct GivenPrompt(pub(super) LanguageModel);

impl fmt::Debug for GivenPrompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl RewritePrompt for GivenPrompt {
    fn name(&self) -> String {
        format!("responses in {}", self.0.template().name())
    }

    fn prompt(&self, example: &Example) -> Result<Prompt, BoxError> {
        Ok(Prompt::Given(self.0.given_response(example)?))
    }

    fn keeps_response(&self) -> bool {
        true
    }
}
