//! Distributions at the tokens of texts: of those that were written, and of responses that were given.

use idiolect_completion::{
    BoxError, Completion, CompletionRequest, GivenResponse, LogprobTail, Logprobs, Prompt,
    TokenLogprob,
};

use super::LocalWriter;
use crate::LmError;
use crate::likelihood::RankedToken;

impl LocalWriter<'_> {
    /// Scores the responses that requests bring, one after the other, and hands them over as they are.
    pub(super) fn score_given(
        &self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        for request in requests.iter().filter(|request| !request.done) {
            if let Prompt::Given(given) = &request.prompt {
                self.progress.advance(1);
                on_done(self.scored(request, given)?)?;
            }
        }
        Ok(())
    }

    fn scored(
        &self,
        request: &CompletionRequest,
        given: &GivenResponse,
    ) -> Result<Completion, LmError> {
        if self.logprobs == 0 {
            let expected = "at least 1, for a given response is scored and not written";
            return Err(LmError::setting("logprobs", expected, 0));
        }
        let GivenResponse {
            prompt,
            response,
            end,
            text,
        } = given;
        Ok(Completion {
            token_count: response.len(),
            token_ids: Some(response.clone()),
            logprobs: Some(self.distributions(prompt, response, *end, request.seed)?),
            ..Completion::new(request.id.clone(), text)
        })
    }

    /// The distributions at each token of a text and at the one that ended it.
    pub(super) fn distributions(
        &self,
        prompt: &[u32],
        answer: &[u32],
        end: Option<u32>,
        seed: u64,
    ) -> Result<Logprobs, LmError> {
        let answer: Vec<u32> = answer.iter().copied().chain(end).collect();
        let scores = self
            .model
            .drawn_scores(prompt, &answer, self.logprobs, seed)?;
        let entry = |ranked: RankedToken| TokenLogprob {
            token: ranked.token,
            log_probability: ranked.log_probability,
        };
        let entries = |place: Vec<RankedToken>| place.into_iter().map(entry).collect();
        Ok(Logprobs {
            entries: scores.into_iter().map(entries).collect(),
            tail: LogprobTail::Drawn,
            end,
        })
    }
}
