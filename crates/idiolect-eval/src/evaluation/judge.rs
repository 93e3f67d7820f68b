//! The judge of an evaluation: what it is to be opened with, and its part of the folder.

use std::collections::HashSet;
use std::path::Path;

use idiolect_completion::{
    BoxError, CompletionRequest, Progress, Watched, Writer, WriterAddress, WriterIdentity,
};
use idiolect_data::RunDir;
use serde_json::Value;

use crate::error::EvalError;
use crate::evaluation::identity::claim;
use crate::evaluation::settings::EvalSettings;
use crate::judged::judge_all;

/// What a judge is opened with.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgeSettings {
    /// Who judges, as the settings say it; none where they leave it to the opener.
    pub address: Option<WriterAddress>,
    /// Most tokens of a judgement. A judge judges greedily.
    pub max_new_tokens: usize,
    /// Rows that a local model computes together.
    pub batch_size: usize,
    /// Seed of a server that takes one.
    pub seed: u64,
}

impl JudgeSettings {
    /// As the settings say, with `tokens` where they leave the length open.
    pub(crate) fn new(settings: &EvalSettings, tokens: usize) -> Self {
        Self {
            address: settings.judge.clone(),
            max_new_tokens: settings.judge_tokens.unwrap_or(tokens),
            batch_size: settings.batch_size,
            seed: settings.seed,
        }
    }
}

/// Opens the judge of an evaluation once its settings and data are known to be sound, and keeps it.
///
/// Every [`Writer`] is one: a judge that is open already, and judges with the settings that it has.
pub trait JudgeOpener {
    /// The judge, open.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being opened.
    fn open(&mut self, settings: &JudgeSettings) -> Result<&mut dyn Writer, BoxError>;
}

impl<W: Writer> JudgeOpener for W {
    fn open(&mut self, _: &JudgeSettings) -> Result<&mut dyn Writer, BoxError> {
        Ok(self)
    }
}

/// Judgements that are wanted.
pub(crate) struct Judgements<'a> {
    pub(crate) requests: Vec<CompletionRequest>,
    /// Ids that the folder may have judgements of.
    pub(crate) known: HashSet<String>,
    /// Folder of the evaluation.
    pub(crate) out: &'a Path,
    /// Whom the judgements belong to.
    pub(crate) owner: Value,
    pub(crate) progress: &'a dyn Progress,
}

/// A judge that is open, and whom the judgements belong to.
pub(crate) struct OpenJudge<'a> {
    writer: &'a mut dyn Writer,
    pub(crate) identity: WriterIdentity,
}

impl<'a> OpenJudge<'a> {
    /// Opens the judge, where there is one.
    pub(crate) fn open(
        opener: Option<&'a mut dyn JudgeOpener>,
        settings: &JudgeSettings,
    ) -> Result<Option<Self>, EvalError> {
        let Some(opener) = opener else {
            return Ok(None);
        };
        let opened = opener.open(settings);
        let writer = opened.map_err(|source| EvalError::OpenJudge { source })?;
        let identity = writer.identity();
        Ok(Some(Self { writer, identity }))
    }

    /// The judge's text for every request; what the folder has is not asked again. A folder of another owner's
    /// judgements is refused, and so is one with judgements of ids that are not known.
    pub(crate) fn judge(&mut self, asked: Judgements<'_>) -> Result<Vec<String>, EvalError> {
        claim(asked.out, "judge.json", &asked.owner)?;
        let mut watched = Watched::new(self.writer, "judge", asked.progress);
        let journal = RunDir::from(asked.out).journal(RunDir::JUDGEMENTS);
        judge_all(asked.requests, &asked.known, &mut watched, &journal)
    }
}
