//! Texts with the log-probability of each token, of the prompt's too where that is asked for.
//!
//! Rows are written one after the other and one token a pass, so that the logits of a pass are those of one token.
//! The texts are those of [`LanguageModel::stream_rows`], but for the rounding of another batch.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

use idiolect_generate::{
    BoxError, Generated, GenerationConfig, GenerationEvent, GenerationSettings, Logits, NextLogits,
    Request, RowPart, generate,
};

use super::stream::{RowEvent, RowTexts};
use super::{DecoderLogits, GenerateRun};
use crate::likelihood::score_of;
use crate::rows::ModelPrompt;
use crate::{LanguageModel, LmError};

/// What a call of [`LanguageModel::stream_scored`] takes beside its settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScoredRun {
    /// Seed of the draws, and whether end tokens are passed over.
    pub run: GenerateRun,
    /// How many of the likeliest tokens stand beside each; default 0.
    pub likeliest: usize,
    /// Whether the tokens of the prompt are scored too; default false.
    pub prompt: bool,
}

impl LanguageModel {
    /// [`LanguageModel::stream_rows`] with the score of each token.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::generate`] and [`LanguageModel::prompt_scores`].
    pub fn stream_scored(
        &self,
        prompts: &[ModelPrompt],
        settings: &GenerationSettings,
        run: ScoredRun,
        on_event: &mut dyn FnMut(RowEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Generated>, LmError> {
        let (requests, config) = self.requests(prompts, settings, run.run)?;
        let config = GenerationConfig {
            batch_size: 1,
            speculate: 0,
            ..config
        };
        let mut texts = self.row_texts(&requests, &config, on_event);
        let mut finished = Vec::with_capacity(requests.len());
        for request in &requests {
            match self.scored(request, &config, run, &mut texts)? {
                Some(done) => finished.push(done),
                None => break,
            }
        }
        Ok(finished)
    }

    /// One row; nothing where the caller breaks off.
    fn scored(
        &self,
        request: &Request,
        config: &GenerationConfig,
        run: ScoredRun,
        texts: &mut RowTexts<'_>,
    ) -> Result<Option<Generated>, LmError> {
        let last = Rc::default();
        let mut model = Watched {
            model: DecoderLogits::new(self.decoder(), self.adapter()),
            known: None,
            last: Rc::clone(&last),
        };
        if run.prompt {
            let read = self.read_prompt(&request.prompt, run.likeliest)?;
            let (row, scores) = (request.index, read.scores.as_slice());
            if (texts.on_event)(RowEvent::Prompt { row, scores }).is_break() {
                return Ok(None);
            }
            model.known = (config.max_new_tokens == 1).then_some(read.next);
        }
        let decode = |ids: &[u32]| self.tokenizer().decode(ids, true).map_err(Into::into);
        let mut failed = None;
        let one = std::slice::from_ref(request);
        let done = generate(&mut model, one, config, &decode, &mut |event| {
            let token = match event {
                GenerationEvent::Token { token_ids, .. } => token_ids.last().copied(),
                GenerationEvent::Done(done) => done.stop_token,
            };
            let score = token.map(|token| score_of(&last.borrow(), token, run.likeliest));
            let score = match score.transpose() {
                Ok(score) => score,
                Err(error) => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            };
            texts.tell(event, score)
        })?;
        failed.map_or(Ok(done.into_iter().next()), Err)
    }
}

/// A model whose last logits can be looked at.
struct Watched<'a> {
    model: DecoderLogits<'a>,
    /// Logits behind the prompt, where they are all that is wanted and there already.
    known: Option<Vec<f32>>,
    last: Rc<RefCell<Vec<f32>>>,
}

impl NextLogits for Watched<'_> {
    fn vocab(&self) -> usize {
        self.model.vocab()
    }

    fn context(&self) -> Option<usize> {
        self.model.context()
    }

    fn can_share(&self) -> bool {
        self.model.can_share()
    }

    fn begin(&mut self, rows: usize, tokens: usize) -> Result<(), BoxError> {
        match self.known {
            Some(_) => Ok(()),
            None => self.model.begin(rows, tokens),
        }
    }

    fn share(&mut self, tokens: usize) -> Result<(), BoxError> {
        self.model.share(tokens)
    }

    fn pass(&mut self, parts: &[RowPart<'_>]) -> Result<Logits, BoxError> {
        let vocab = self.vocab();
        let logits = match self.known.take() {
            Some(values) => Logits { vocab, values },
            None => self.model.pass(parts)?,
        };
        // The loop changes its own copy by penalties.
        self.last.borrow_mut().clone_from(&logits.values);
        Ok(logits)
    }
}
