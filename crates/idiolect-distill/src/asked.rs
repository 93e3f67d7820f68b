//! The rows that are to be rewritten, each with its prompt.

use idiolect_data::{DataSet, sample};
use idiolect_metrics::MetricsError;
use sha2::{Digest, Sha256};

use crate::DistillError;
use crate::judge::{judge, verdict};
use crate::record::Record;
use crate::settings::Settings;
use crate::writer::{Completion, RewriteRequest};

/// A row to be rewritten.
pub(crate) struct Asked<'a> {
    /// Its number in the data set.
    pub(crate) row: usize,
    pub(crate) request: RewriteRequest,
    label: &'a str,
    set: &'a DataSet,
    settings: &'a Settings,
}

impl Asked<'_> {
    /// The journal's row for a completion, with its verdict.
    pub(crate) fn record(&self, completion: Completion) -> Result<Record, DistillError> {
        let Settings {
            check,
            extras,
            identity,
            ..
        } = self.settings;
        let Completion {
            id: _,
            text,
            token_count,
            token_ids,
            passes,
            finish_reason,
        } = completion;
        let verdict = judge(*check, extras, self.label, &text, &finish_reason)
            .map_err(|source| self.label_error(source))?;
        Ok(Record {
            id: self.request.id.clone(),
            identity: identity.clone(),
            template: self.settings.template_name(),
            prompt_sha256: sha256(&self.request.prompt.to_string()),
            seed: self.request.seed,
            text,
            token_count,
            token_ids,
            passes,
            finish_reason,
            replaced: verdict.is_keep(),
            verdict,
        })
    }

    fn label_error(&self, source: MetricsError) -> DistillError {
        DistillError::Label {
            path: self.set.path.clone(),
            id: self.request.id.clone(),
            source: Box::new(source),
        }
    }
}

/// The rows of the mix, in the order of the data set.
///
/// Each label is tried once, so that one that the check cannot use costs no generation.
pub(crate) fn asked<'a>(
    set: &'a DataSet,
    settings: &'a Settings,
) -> Result<Vec<Asked<'a>>, DistillError> {
    let rows = set.rows.len();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of rows"
    )]
    let count = (rows as f64 * settings.mix_ratio).round() as usize;
    let ask = |row: usize| {
        let example = &set.rows[row].example;
        let id = example.id.clone();
        let seed = settings.row_seed(&id);
        let prompt = settings
            .prompt(example)
            .map_err(|source| DistillError::Prompt {
                path: set.path.clone(),
                id: id.clone(),
                source: Box::new(source),
            })?;
        let request = RewriteRequest {
            id,
            prompt,
            seed,
            done: false,
        };
        let label = example.response().unwrap_or("");
        let asked = Asked {
            row,
            request,
            label,
            set,
            settings,
        };
        verdict(settings.check, label, "").map_err(|source| asked.label_error(source))?;
        Ok(asked)
    };
    sample(rows, count, settings.seed)
        .into_iter()
        .map(ask)
        .collect()
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}
