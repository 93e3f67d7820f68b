//! A local model as the tasks see it: text after prompts, and how likely text is.

use std::ops::ControlFlow;

use idiolect::eval::{BoxError, Continuation, Likelihood, Model, Prompt, Writing};
use idiolect::generate::{Event, Request};
use indicatif::ProgressBar;

use crate::continuing::{Generation, continue_requests};
use crate::error::CliError;
use crate::keys::SamplingKeys;
use crate::likelihood::{Scored, Tokens, likelihoods};
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
    /// What likelihoods cost so far.
    pub tokens: Tokens,
}

impl Model for LocalModel<'_> {
    fn generate(&mut self, asked: &[Writing<'_>]) -> Result<Vec<String>, BoxError> {
        let mut texts = vec![String::new(); asked.len()];
        for group in alike(asked) {
            let found = self.write(asked, &group)?;
            for (at, text) in group.into_iter().zip(found) {
                texts[at] = text;
            }
        }
        Ok(texts)
    }

    fn likelihoods(
        &mut self,
        questions: &[&[Continuation]],
    ) -> Result<Vec<Vec<Likelihood>>, BoxError> {
        let rows = |pairs: &&[Continuation]| pairs.iter().map(|pair| self.row(pair)).collect();
        let texts = questions.iter().map(rows);
        let texts = texts.collect::<Result<Vec<Vec<Scored>>, CliError>>()?;
        let (found, tokens) = likelihoods(self.opened, &texts)?;
        self.tokens.read += tokens.read;
        self.tokens.computed += tokens.computed;
        let count = texts.iter().map(Vec::len).sum::<usize>();
        self.bar.inc(count as u64);
        Ok(found)
    }
}

/// Places of requests that one call of the generator can serve.
fn alike(asked: &[Writing<'_>]) -> Vec<Vec<usize>> {
    let form = |at: usize| {
        let one = &asked[at];
        let drawn = one.draw.map(|draw| (draw.temperature, draw.top_p));
        (one.stops, one.max_new_tokens, drawn)
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in 0..asked.len() {
        match groups.iter_mut().find(|group| form(group[0]) == form(at)) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

impl LocalModel<'_> {
    /// The texts of the requests at `group`, which are of one form.
    fn write(&self, asked: &[Writing<'_>], group: &[usize]) -> Result<Vec<String>, CliError> {
        let form = &asked[group[0]];
        let keys = SamplingKeys {
            max_new_tokens: Some(self.max_new_tokens.unwrap_or(form.max_new_tokens)),
            generation_batch_size: Some(self.batch_size),
            temperature: form.draw.map(|draw| draw.temperature),
            top_p: form.draw.map(|draw| draw.top_p),
            stop: form.stops.to_vec(),
            ..SamplingKeys::default()
        };
        let mut generation = Generation::new(&keys, self.opened, 0);
        let request = |(index, at): (usize, &usize)| {
            Ok(Request {
                index,
                prompt: self.ids(asked[*at].prompt)?,
                seed: asked[*at].draw.map_or(0, |draw| draw.seed),
            })
        };
        let requests = group.iter().enumerate().map(request);
        let requests = requests.collect::<Result<Vec<_>, CliError>>()?;
        let longest = requests
            .iter()
            .map(|one| one.prompt.len())
            .max()
            .unwrap_or(0);
        let room = self
            .opened
            .decoder
            .config
            .max_positions
            .saturating_sub(longest);
        // A prompt that leaves no room is the generator's to refuse, by name.
        generation.settings.max_new_tokens = generation.settings.max_new_tokens.min(room).max(1);
        let done = continue_requests(self.opened, &requests, &generation, &mut |event| {
            if let Event::Done(_) = event {
                self.bar.inc(1);
            }
            ControlFlow::Continue(())
        })?;
        Ok(done.into_iter().map(|row| row.text).collect())
    }

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
    fn row(&self, pair: &Continuation) -> Result<Scored, CliError> {
        let mut ids = self.encode(&format!("{}{}", pair.context, pair.text))?;
        let context = self.encode(&pair.context)?.len().min(ids.len());
        // The last token is no input, so that one more fits.
        let most = self.opened.decoder.config.max_positions + 1;
        let cut = ids.len().saturating_sub(most);
        ids.drain(..cut);
        let start = context.saturating_sub(cut);
        Ok(Scored { ids, start })
    }
}
