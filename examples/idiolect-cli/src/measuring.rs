//! A local model as the tasks see it: text after prompts, and how likely text is.

use std::ops::ControlFlow;

use idiolect::eval::{BoxError, Continuation, Likelihood, Model, Prompt};
use idiolect::generate::Event;
use idiolect::tokens::{IGNORE, TokenBatch, TokenRow};
use indicatif::ProgressBar;

use crate::continuing::{Generation, continue_all};
use crate::error::CliError;
use crate::keys::SamplingKeys;
use crate::objective::token_scores;
use crate::opened::Opened;
use crate::rows;

/// A model under measurement.
pub struct LocalModel<'a> {
    /// It, its adapter and its template.
    pub opened: &'a Opened,
    /// Rows computed together.
    pub batch_size: usize,
    /// Instead of the task's own limit.
    pub max_new_tokens: Option<usize>,
    /// Counts finished requests.
    pub bar: ProgressBar,
}

impl Model for LocalModel<'_> {
    fn generate(
        &mut self,
        prompts: &[&Prompt],
        stops: &[String],
        max_new_tokens: usize,
    ) -> Result<Vec<String>, BoxError> {
        let keys = SamplingKeys {
            max_new_tokens: Some(self.max_new_tokens.unwrap_or(max_new_tokens)),
            generation_batch_size: Some(self.batch_size),
            stop: stops.to_vec(),
            ..SamplingKeys::default()
        };
        let mut generation = Generation::new(&keys, self.opened, 0);
        let ids = prompts.iter().map(|prompt| self.ids(prompt));
        let ids = ids.collect::<Result<Vec<_>, CliError>>()?;
        let longest = ids.iter().map(Vec::len).max().unwrap_or(0);
        let room = self
            .opened
            .decoder
            .config
            .max_positions
            .saturating_sub(longest);
        generation.settings.max_new_tokens = generation.settings.max_new_tokens.min(room);
        let done = continue_all(self.opened, ids, &generation, &mut |event| {
            if let Event::Done(_) = event {
                self.bar.inc(1);
            }
            ControlFlow::Continue(())
        })?;
        Ok(done.into_iter().map(|row| row.text).collect())
    }

    fn likelihoods(&mut self, pairs: &[&Continuation]) -> Result<Vec<Likelihood>, BoxError> {
        let rows = pairs.iter().map(|pair| self.row(pair));
        let rows = rows.collect::<Result<Vec<_>, CliError>>()?;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(rows[*at].input_ids.len()));
        let mut found = vec![None; rows.len()];
        for part in order.chunks(self.batch_size.max(1)) {
            let batch: Vec<&TokenRow> = part.iter().map(|at| &rows[*at]).collect();
            let batch = TokenBatch::new(&batch, self.opened.pad_id());
            let scores = token_scores(&self.opened.decoder, self.opened.adapter(), &batch);
            let mut scores = scores.into_iter();
            for at in part {
                let own = scores.by_ref().take(rows[*at].trained_tokens());
                let sums = own.fold((0.0, true), |(sum, all), (nll, first)| {
                    (sum - f64::from(nll), all && first)
                });
                found[*at] = Some(Likelihood {
                    log_likelihood: sums.0,
                    greedy: sums.1,
                });
            }
            self.bar.inc(part.len() as u64);
        }
        Ok(found.into_iter().flatten().collect())
    }
}

impl LocalModel<'_> {
    fn ids(&self, prompt: &Prompt) -> Result<Vec<u32>, CliError> {
        match prompt {
            Prompt::Text(text) => self.encode(text),
            Prompt::Chat(turns) => self
                .opened
                .prompt_ids(&rows::Prompt::Messages(turns.clone())),
        }
    }

    /// Text after the beginning-of-text token, where the tokenizer puts one.
    fn encode(&self, text: &str) -> Result<Vec<u32>, CliError> {
        let tokenizer = &self.opened.tokenizer;
        let mut ids: Vec<u32> = tokenizer.bos().into_iter().collect();
        ids.extend(tokenizer.encode_text(text)?);
        Ok(ids)
    }

    /// Context and continuation encoded as one; what is behind the context's own tokens is scored. A row
    /// that is too long loses its beginning, as in lm-evaluation-harness.
    fn row(&self, pair: &Continuation) -> Result<TokenRow, CliError> {
        let mut input_ids = self.encode(&format!("{}{}", pair.context, pair.text))?;
        let context = self.encode(&pair.context)?.len().min(input_ids.len());
        let ignored = vec![IGNORE; context];
        let scored = input_ids[context..].iter().map(|id| i64::from(*id));
        let mut labels: Vec<i64> = ignored.into_iter().chain(scored).collect();
        // The last token is no input, so that one more fits.
        let most = self.opened.decoder.config.max_positions;
        let cut = input_ids.len().saturating_sub(most);
        input_ids.drain(..cut);
        labels.drain(..cut);
        Ok(TokenRow {
            id: 0.into(),
            input_ids,
            labels,
        })
    }
}
