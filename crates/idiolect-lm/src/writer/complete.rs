//! Completions of a model, in groups that a resumed run repeats.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, Prompt, Reasoning, Writer, WriterIdentity,
    opens_reasoning, taken_out,
};
use idiolect_generate::{Generated, GenerationConfig, GenerationEvent, Request, groups};

use super::LocalWriter;
use super::groups::{alike, config_of, cut};
use crate::generate::Pace;
use crate::{LanguageModel, LmError};

/// Tokens at the end of a prompt in which its mark of reasoning stands, if it has one.
const PROMPT_END: usize = 16;

impl Writer for LocalWriter<'_> {
    fn identity(&self) -> WriterIdentity {
        self.described()
    }

    fn complete(
        &mut self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        self.progress.begin(&self.stage, requests.len());
        let done = requests.iter().filter(|request| request.done).count();
        self.progress.advance(done);
        self.score_given(requests, on_done)?;
        let encoded = self.encoded(requests)?;
        let mut pace = Pace::default();
        for places in alike(requests) {
            let chosen: Vec<Request> = places.iter().map(|at| encoded[*at].clone()).collect();
            self.complete_alike(requests, &chosen, &mut pace, on_done)?;
        }
        self.progress.end();
        pace.tell(self.progress);
        Ok(())
    }

    fn fits(&self, request: &CompletionRequest) -> Result<bool, BoxError> {
        if let Prompt::Given(given) = &request.prompt {
            return Ok(given.tokens() <= self.model.max_positions());
        }
        let encoded = self.encoded(std::slice::from_ref(request))?;
        let positions = self.model.max_positions();
        let config = config_of(&self.config, &request.overrides, &encoded, positions);
        let room =
            |own: &Request| own.prompt.len().saturating_add(config.max_new_tokens) <= positions;
        Ok(encoded.iter().all(room))
    }
}

impl LocalWriter<'_> {
    /// Every request as token ids; its index is its place.
    fn encoded(&self, requests: &[CompletionRequest]) -> Result<Vec<Request>, LmError> {
        let encode = |(index, request): (usize, &CompletionRequest)| {
            Ok(Request {
                variant: 0,
                index,
                prompt: self.model.completion_ids(&request.prompt)?,
                seed: request.seed,
            })
        };
        requests.iter().enumerate().map(encode).collect()
    }

    /// Writes those of all requests that `requests` stands for, which want the same.
    ///
    /// Groups are made of all of them, done or not, so that a resumed run repeats the one it was in; a group
    /// that is wholly done is passed over.
    fn complete_alike(
        &self,
        all: &[CompletionRequest],
        requests: &[Request],
        pace: &mut Pace,
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let Some(first) = requests.first() else {
            return Ok(());
        };
        let overrides = &all[first.index].overrides;
        let positions = self.model.max_positions();
        let config = config_of(&self.config, overrides, requests, positions);
        config.check()?;
        for group in groups(requests, config.batch_size) {
            let chosen: Vec<Request> = group.iter().map(|at| requests[*at].clone()).collect();
            if chosen.iter().all(|request| all[request.index].done) {
                continue;
            }
            let config = if self.cut_to_positions {
                cut(config.clone(), &chosen, positions)
            } else {
                config.clone()
            };
            pace.add(&self.complete_group(all, &chosen, &config, on_done)?);
        }
        Ok(())
    }

    fn complete_group(
        &self,
        all: &[CompletionRequest],
        chosen: &[Request],
        config: &GenerationConfig,
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<Vec<Generated>, BoxError> {
        let mut failed = None;
        let rows = self.model.continue_requests(chosen, config, &mut |event| {
            let GenerationEvent::Done(row) = event else {
                return ControlFlow::Continue(());
            };
            let request = &all[row.index];
            if request.done {
                return ControlFlow::Continue(());
            }
            self.progress.advance(1);
            let prompt = &chosen.iter().find(|own| own.index == row.index);
            let prompt = prompt.map_or(&[][..], |own| &own.prompt);
            let completion = self.completion(request, prompt, row);
            failed = completion.map_err(Into::into).and_then(&mut *on_done).err();
            match failed {
                None => ControlFlow::Continue(()),
                Some(_) => ControlFlow::Break(()),
            }
        })?;
        failed.map_or(Ok(rows), Err)
    }

    /// A text, without its reasoning where that is to be taken out; its tokens are all that were written.
    fn completion(
        &self,
        request: &CompletionRequest,
        prompt: &[u32],
        row: &Generated,
    ) -> Result<Completion, LmError> {
        self.texts.fetch_add(1, Ordering::Relaxed);
        let rest = match self.reasoning {
            Reasoning::Remove => taken_out(
                &row.text,
                self.model.is_reasoning_open(prompt),
                &self.replies,
            ),
            _ => None,
        };
        let logprobs = match &rest {
            None if self.logprobs > 0 => {
                let (answer, end) = (&row.token_ids, row.stop_token);
                Some(self.distributions(prompt, answer, end, request.seed)?)
            }
            _ => None,
        };
        Ok(Completion {
            id: request.id.clone(),
            token_count: row.token_ids.len(),
            token_ids: rest.is_none().then(|| row.token_ids.clone()),
            text: rest.unwrap_or_else(|| row.text.clone()),
            passes: Some(row.passes),
            logprobs,
            finish_reason: row.finish_reason.clone(),
        })
    }
}

impl LanguageModel {
    /// Whether a prompt ends within reasoning that it has opened.
    pub(crate) fn is_reasoning_open(&self, prompt: &[u32]) -> bool {
        let end = &prompt[prompt.len().saturating_sub(PROMPT_END)..];
        let text = self.tokenizer().decode(end, false);
        text.is_ok_and(|text| opens_reasoning(&text))
    }
}
