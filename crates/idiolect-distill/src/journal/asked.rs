//! The rows that are to be rewritten, each with its prompt.

use idiolect_completion::{BoxError, Completion, CompletionRequest, FinishReason, Made, Prompt};
use idiolect_data::{Dataset, sample};

use crate::config::DistillConfig;
use crate::error::DistillError;
use crate::judge::{judge, verdict};
use crate::record::RewriteRecord;
use crate::verdict::Verdict;

/// A row to be rewritten.
pub(crate) struct Asked<'a> {
    /// Its number in the data set.
    pub(crate) row: usize,
    pub(crate) request: CompletionRequest,
    label: &'a str,
    set: &'a Dataset,
    config: &'a DistillConfig,
}

impl Asked<'_> {
    /// The journal's row for a completion, with its verdict.
    pub(crate) fn record(
        &self,
        made: Made,
        completion: Completion,
    ) -> Result<RewriteRecord, DistillError> {
        let DistillConfig { check, extras, .. } = self.config;
        let (text, finish) = (&completion.text, &completion.finish_reason);
        let verdict = match &self.request.prompt {
            // The response itself, which is not judged.
            Prompt::Given(_) if *finish != FinishReason::PromptTooLong => Ok(Verdict::Keep),
            _ => judge(&**check, extras, self.label, text, finish),
        };
        let verdict = verdict.map_err(|source| self.label_error(source))?;
        let keep = self.config.keep_prompts;
        Ok(RewriteRecord {
            prompt: keep.then(|| self.request.prompt.to_string()),
            ..RewriteRecord::new(made, completion, verdict)
        })
    }

    fn label_error(&self, source: BoxError) -> DistillError {
        DistillError::Label {
            path: self.set.path.clone(),
            id: self.request.id.clone(),
            source,
        }
    }
}

/// The rows of the mix, in the order of the data set.
///
/// Each label is tried once, so that one that the check cannot use costs no generation.
pub(crate) fn asked<'a>(
    set: &'a Dataset,
    config: &'a DistillConfig,
) -> Result<Vec<Asked<'a>>, DistillError> {
    let rows = set.rows.len();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of rows"
    )]
    let count = (rows as f64 * config.mix_ratio).round() as usize;
    let ask = |row: usize| {
        let example = &set.rows[row].example;
        let id = example.id.clone();
        let seed = config.row_seed(&id);
        let prompt = config
            .prompt(example)
            .map_err(|source| DistillError::Prompt {
                path: set.path.clone(),
                id: id.clone(),
                source,
            })?;
        let asked = Asked {
            row,
            request: CompletionRequest::new(id, prompt, seed),
            label: example.response().unwrap_or(""),
            set,
            config,
        };
        let tried = verdict(&*config.check, asked.label, "");
        tried.map_err(|source| asked.label_error(source))?;
        Ok(asked)
    };
    sample(rows, count, config.seed)
        .into_iter()
        .map(ask)
        .collect()
}
