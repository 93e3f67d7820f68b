//! A judge for the tasks: any model or server that a teacher can be, and who it was, written down.

use std::path::Path;

use idiolect::continuation::{ContinuationRequest, Prompt, TextToText};
use idiolect::eval::{BoxError, Judge, JudgeRequest, Judged, Judgement, judge_all};
use serde_json::{Value, json};

use crate::error::CliError;
use crate::eval_args::Eval;
use crate::identity::Writer;
use crate::keys::{ModelKeys, SamplingKeys};
use crate::teaching::{AnyTeacher, Teaching};

/// A judge that is ready.
pub struct OpenJudge(AnyTeacher);

impl OpenJudge {
    /// Opens `--judge`, where it is given; it judges greedily, with at most `tokens` tokens.
    ///
    /// # Errors
    ///
    /// Those of [`Teaching::open`].
    pub fn new(args: &Eval, tokens: usize) -> Result<Option<Self>, CliError> {
        let Some(name) = args.judge.as_deref() else {
            return Ok(None);
        };
        let sampling = SamplingKeys {
            max_new_tokens: Some(args.judge_tokens.unwrap_or(tokens)),
            generation_batch_size: Some(args.batch_size),
            ..SamplingKeys::default()
        };
        let teaching = Teaching {
            model: ModelKeys {
                model: None,
                ..args.model.clone()
            },
            template: None,
            server: &args.server,
            sampling: &sampling,
            seed: args.seed,
        };
        Ok(Some(Self(teaching.open("--judge", name, None)?)))
    }

    /// Who it is.
    #[must_use]
    pub fn writer(&self) -> Writer {
        self.0.writer()
    }

    /// The text for every request; what the journal has is not asked again.
    ///
    /// # Errors
    ///
    /// [`CliError::Eval`] where the judge fails or the journal is of other questions.
    pub fn judge(
        &mut self,
        requests: Vec<JudgeRequest>,
        journal: &Path,
    ) -> Result<Vec<String>, CliError> {
        let judged = judge_all(requests, &mut Asking(&mut self.0), journal);
        self.0.tell();
        Ok(judged?)
    }
}

/// A teacher as the tasks' judge.
struct Asking<'a>(&'a mut AnyTeacher);

impl Judge for Asking<'_> {
    fn judge(
        &mut self,
        requests: &[JudgeRequest],
        on_done: &mut dyn FnMut(Judgement) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let request = |request: &JudgeRequest| ContinuationRequest {
            id: request.id.clone(),
            prompt: Prompt::Chat(request.turns.clone()),
            seed: 0,
            done: request.done,
        };
        let requests: Vec<ContinuationRequest> = requests.iter().map(request).collect();
        self.0.complete(&requests, &mut |done| {
            on_done(Judgement {
                id: done.id,
                text: done.text,
            })
        })
    }
}

/// What is said of the judging beside the scores.
#[must_use]
pub fn described(judged: &Judged, judge: &Writer) -> Value {
    json!({
        "model": judge.model, "judgements": judged.judgements, "unread": judged.unread.len(),
        "unread_ids": judged.unread, "empty_answers": judged.empty,
    })
}
