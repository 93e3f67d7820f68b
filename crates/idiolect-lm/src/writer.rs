//! A model as a writer of completions and a scorer of texts: for distillation, continuation, evaluation, judges.

mod complete;
mod given;
mod groups;
mod score;

use std::sync::atomic::{AtomicU64, Ordering};

use idiolect_completion::{Progress, Quiet, Reasoning, Replies, ReplyCounter, WriterIdentity};
use idiolect_generate::{GenerationConfig, GenerationSettings};
use serde_json::{Value, json};

use crate::likelihood::TokenCount;
use crate::{LanguageModel, LmError};

/// What stands before the progress of a writer that nobody named.
const STAGE: &str = "write";

/// A model with the way it writes; it implements [`idiolect_completion::Writer`] and
/// [`idiolect_completion::Scorer`].
pub struct LocalWriter<'p> {
    model: LanguageModel,
    config: GenerationConfig,
    model_hash: String,
    adapter_hash: Option<String>,
    progress: &'p dyn Progress,
    stage: String,
    tokens: TokenCount,
    reasoning: Reasoning,
    replies: ReplyCounter,
    texts: AtomicU64,
    cut_to_positions: bool,
    logprobs: usize,
}

impl LanguageModel {
    /// The model as a writer: how it generates, with the tokens and texts that end a text of this model. Each
    /// request brings its own seed.
    ///
    /// The files of the model are hashed where nobody has asked for that before.
    ///
    /// # Errors
    ///
    /// [`LmError::Generate`] for settings that are out of range; [`LmError::Data`] where the model's files
    /// cannot be read.
    pub fn writer(&self, settings: &GenerationSettings) -> Result<LocalWriter<'static>, LmError> {
        settings.check()?;
        Ok(LocalWriter {
            config: self.generation_config(settings),
            model_hash: self.model_hash()?,
            adapter_hash: self.adapter_hash()?,
            model: self.clone(),
            progress: &Quiet,
            stage: STAGE.into(),
            tokens: TokenCount::default(),
            reasoning: Reasoning::default(),
            replies: ReplyCounter::default(),
            texts: AtomicU64::new(0),
            cut_to_positions: false,
            logprobs: 0,
        })
    }
}

impl LocalWriter<'_> {
    /// The same writer, which tells how far it is: a stage for each call, called `stage`.
    #[must_use]
    pub fn progress<'q>(self, stage: &str, progress: &'q dyn Progress) -> LocalWriter<'q> {
        LocalWriter {
            progress,
            stage: stage.into(),
            ..self
        }
    }

    /// The same writer, whose texts end before any of these too.
    #[must_use]
    pub fn extra_stops(mut self, stops: &[&str]) -> Self {
        let stops = stops.iter().map(ToString::to_string);
        self.config.stops.strings.extend(stops);
        self
    }

    /// The same writer, for which the most new tokens of its settings are a wish: they are cut to what the longest
    /// prompt of each group leaves of the model's positions. Without this they are refused where they do not fit.
    #[must_use]
    pub fn cut_to_positions(self) -> Self {
        Self {
            cut_to_positions: true,
            ..self
        }
    }

    /// The same writer with another rule for reasoning (`<think>…</think>`) in its texts; by default it is taken out.
    /// Where the chat template opens the reasoning, a text that does not close it is reasoning alone.
    #[must_use]
    pub fn reasoning(self, reasoning: Reasoning) -> Self {
        Self { reasoning, ..self }
    }

    /// The same writer, which also gives `count` tokens with their log-probabilities at each token of a text, the one
    /// that ended it included, at temperature 1 and without penalties, in one further pass over prompt and text: all
    /// likeliest but the last, which is drawn from the others ([`LogprobTail::Drawn`]). 0, the default, gives none. A
    /// text without its tokens, for reasoning was taken out, has none.
    ///
    /// [`LogprobTail::Drawn`]: idiolect_completion::LogprobTail::Drawn
    #[must_use]
    pub fn logprobs(self, count: usize) -> Self {
        let most = self.model.decoder().config.vocab_size;
        Self {
            logprobs: count.min(most),
            ..self
        }
    }

    /// How many tokens it gives at each.
    #[must_use]
    pub fn logprob_count(&self) -> usize {
        self.logprobs
    }

    /// How many texts had reasoning so far.
    #[must_use]
    pub fn replies(&self) -> Replies {
        self.replies.total()
    }

    /// What to do about texts that were reasoning and no more, in one line; nothing where there were none.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        let texts = self.texts.load(Ordering::Relaxed);
        self.replies().advice(texts)
    }

    /// How many texts had reasoning, for a summary, by the names that a server's costs have; nothing where none had
    /// any.
    #[must_use]
    pub fn costs(&self) -> Option<Value> {
        let replies = self.replies();
        replies.line().map(|_| {
            json!({
                "reasoning_removed": replies.reasoning_removed, "only_reasoning": replies.only_reasoning,
            })
        })
    }

    /// Tells how many texts had reasoning, and what to do about those without text.
    pub fn tell(&self) {
        self.tell_to(self.progress);
    }

    /// The same to somebody else.
    pub fn tell_to(&self, progress: &dyn Progress) {
        for line in [self.replies().line(), self.advice()].iter().flatten() {
            progress.note(line);
        }
    }

    /// The model that writes.
    #[must_use]
    pub fn model(&self) -> &LanguageModel {
        &self.model
    }

    /// What the likelihoods asked so far have cost.
    #[must_use]
    pub fn scored_tokens(&self) -> TokenCount {
        self.tokens
    }

    fn described(&self) -> WriterIdentity {
        let GenerationConfig {
            sampling,
            stops,
            max_new_tokens,
            batch_size,
            share_prefixes,
            speculate,
        } = &self.config;
        let mut sampler = json!({
            "temperature": sampling.temperature, "top_k": sampling.top_k, "top_p": sampling.top_p,
                "min_p": sampling.min_p, "repetition_penalty": sampling.repetition_penalty,
                "stops": stops.strings, "stop_ids": stops.tokens, "max_new_tokens": max_new_tokens,
                "batch_size": batch_size, "share_prefixes": share_prefixes, "speculate": speculate,
            "dtype": format!("{:?}", self.model.dtype()),
        });
        // Journals of before this setting stay valid.
        if self.reasoning != Reasoning::default() {
            sampler["reasoning"] = json!(self.reasoning);
        }
        if self.logprobs > 0 {
            sampler["logprobs"] = json!(self.logprobs);
        }
        WriterIdentity {
            model: self.model_hash.clone(),
            adapter: self.adapter_hash.clone(),
            sampler,
        }
    }
}
