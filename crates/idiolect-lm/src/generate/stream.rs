//! Texts as they come: never text that is taken back later.

use std::ops::ControlFlow;

use idiolect_generate::{
    FinishReason, Generated, GenerationConfig, GenerationEvent, GenerationSettings, Request,
};
use idiolect_tokens::TextStream;

use super::GenerateRun;
use crate::likelihood::TokenScore;
use crate::rows::ModelPrompt;
use crate::{LanguageModel, LmError};

/// A new token with its score, and where its text begins.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenToken {
    /// How likely it was.
    pub score: TokenScore,
    /// Bytes of the row's text before it.
    pub begins: usize,
}

/// What happens while rows are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RowEvent<'a> {
    /// The prompt of a row was read: the score of each of its tokens but the first.
    Prompt {
        /// The row, by the place of its prompt.
        row: usize,
        /// The scores.
        scores: &'a [TokenScore],
    },
    /// A row has more text; all pieces joined are its text.
    Text {
        /// The row.
        row: usize,
        /// The piece; empty only where `tokens` have no text.
        text: &'a str,
        /// The tokens whose text is told now, where scores were asked for. A token that ended the row is the last and
        /// has no text.
        tokens: &'a [WrittenToken],
    },
    /// A row is finished, and all of its text is told.
    Done(&'a Generated),
}

/// Hears what happens, and may break off.
pub(super) type OnRow<'a> = dyn FnMut(RowEvent<'_>) -> ControlFlow<()> + 'a;

impl LanguageModel {
    /// Continues one prompt and hands over its text piece by piece, each as soon as it can no longer change:
    /// whole characters only, and nothing that may turn out to begin a stop text. All pieces joined are the
    /// text of the result, which is there unless `on_text` breaks off.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::generate`].
    pub fn stream(
        &self,
        prompt: ModelPrompt,
        settings: &GenerationSettings,
        run: GenerateRun,
        on_text: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Option<Generated>, LmError> {
        let done = self.stream_rows(&[prompt], settings, run, &mut |event| match event {
            RowEvent::Text { text, .. } => on_text(text),
            RowEvent::Prompt { .. } | RowEvent::Done(_) => ControlFlow::Continue(()),
        })?;
        Ok(done.into_iter().next())
    }

    /// Continues `prompts` as [`LanguageModel::generate`] does, to the same texts, and hands over each as
    /// [`LanguageModel::stream`].
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::generate`].
    pub fn stream_rows(
        &self,
        prompts: &[ModelPrompt],
        settings: &GenerationSettings,
        run: GenerateRun,
        on_event: &mut dyn FnMut(RowEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Generated>, LmError> {
        let (requests, config) = self.requests(prompts, settings, run)?;
        let mut texts = self.row_texts(&requests, &config, on_event);
        self.continue_requests(&requests, &config, &mut |event| texts.tell(event, None))
    }

    /// The texts of rows that have none yet.
    pub(super) fn row_texts<'a>(
        &'a self,
        requests: &[Request],
        config: &GenerationConfig,
        on_event: &'a mut OnRow<'a>,
    ) -> RowTexts<'a> {
        let stops = &config.stops.strings;
        let one = |_: &Request| RowText {
            stream: TextStream::new(self.tokenizer(), true),
            text: String::new(),
            shown: 0,
            stops: stops.clone(),
            waiting: Vec::new(),
        };
        RowTexts {
            rows: requests.iter().map(one).collect(),
            on_event,
        }
    }

    /// The prompts as requests, and the settings with what ends a text of this model.
    pub(super) fn requests(
        &self,
        prompts: &[ModelPrompt],
        settings: &GenerationSettings,
        run: GenerateRun,
    ) -> Result<(Vec<Request>, GenerationConfig), LmError> {
        settings.check()?;
        let requests = prompts.iter().enumerate();
        let requests = requests.map(|(index, prompt)| {
            let prompt = self.prompt_ids(prompt)?;
            let seed = Request::row_seed(run.seed, index);
            Ok(Request {
                index,
                prompt,
                seed,
                variant: 0,
            })
        });
        let requests = requests.collect::<Result<Vec<_>, LmError>>()?;
        let mut config = self.generation_config(settings);
        config.stops.ignore_eos = run.ignore_eos;
        Ok((requests, config))
    }
}

/// The texts of all rows, and who hears of them.
pub(super) struct RowTexts<'a> {
    rows: Vec<RowText<'a>>,
    pub(super) on_event: &'a mut OnRow<'a>,
}

impl RowTexts<'_> {
    /// Tells what an event of the generation loop means for its row; `score` is that of its token.
    pub(super) fn tell(
        &mut self,
        event: GenerationEvent<'_>,
        score: Option<TokenScore>,
    ) -> ControlFlow<()> {
        match event {
            GenerationEvent::Token { index, token_ids } => {
                match (self.rows.get_mut(index), token_ids.last()) {
                    (Some(row), Some(token)) => row.push(index, *token, score, self.on_event),
                    _ => ControlFlow::Continue(()),
                }
            }
            GenerationEvent::Done(done) => {
                if let Some(row) = self.rows.get_mut(done.index) {
                    row.finish(done, score, self.on_event)?;
                }
                (self.on_event)(RowEvent::Done(done))
            }
        }
    }
}

/// A row's text, and what of it was handed over already.
struct RowText<'a> {
    stream: TextStream<'a>,
    /// Whole characters of all tokens so far.
    text: String,
    /// Bytes of it that were handed over.
    shown: usize,
    /// Texts that end the row.
    stops: Vec<String>,
    /// Scored tokens that were not handed over, each with where its text ends.
    waiting: Vec<(WrittenToken, usize)>,
}

impl RowText<'_> {
    fn push(
        &mut self,
        row: usize,
        token: u32,
        score: Option<TokenScore>,
        on_event: &mut OnRow<'_>,
    ) -> ControlFlow<()> {
        let begins = self.text.len();
        // What cannot be decoded ends the row with an error of its own.
        self.text += &self.stream.push(token).unwrap_or_default();
        if let Some(score) = score {
            let written = WrittenToken { score, begins };
            self.waiting.push((written, self.text.len()));
        }
        let end = self.shown + certain(&self.text[self.shown..], &self.stops).len();
        if end <= self.shown {
            return ControlFlow::Continue(());
        }
        let whole = self.waiting.iter().take_while(|(_, ends)| *ends <= end);
        let count = whole.count();
        let tokens: Vec<WrittenToken> = self.waiting.drain(..count).map(|one| one.0).collect();
        let text = &self.text[self.shown..end];
        self.shown = end;
        on_event(RowEvent::Text {
            row,
            text,
            tokens: &tokens,
        })
    }

    /// Hands over the rest of a finished row; `score` is that of the token that ended it. Tokens that a stop text has
    /// cut off are dropped.
    fn finish(
        &mut self,
        done: &Generated,
        score: Option<TokenScore>,
        on_event: &mut OnRow<'_>,
    ) -> ControlFlow<()> {
        let (row, begins) = (done.index, done.text.len());
        let text = done.text.get(self.shown..).unwrap_or_default();
        let is_cut = done.finish_reason == FinishReason::StopString;
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let own = waiting.map(|one| one.0);
        let own = own.filter(|token| !is_cut || token.begins < begins);
        let last = score.map(|score| WrittenToken { score, begins });
        let tokens: Vec<WrittenToken> = own.chain(last).collect();
        if text.is_empty() && tokens.is_empty() {
            return ControlFlow::Continue(());
        }
        on_event(RowEvent::Text {
            row,
            text,
            tokens: &tokens,
        })
    }
}

/// The beginning of a text that cannot change any more: no half character at its end, and nothing from a stop text on,
/// or that may turn out to begin one.
fn certain<'t>(text: &'t str, stops: &[String]) -> &'t str {
    let whole = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    let guard = stops.iter().map(String::len).max().unwrap_or(0);
    let end = whole.floor_char_boundary(whole.len().saturating_sub(guard));
    // A token may bring a stop text with more behind it.
    let stop = stops.iter().filter_map(|stop| text.find(stop.as_str()));
    &whole[..stop.fold(end, usize::min)]
}

#[cfg(test)]
mod tests {
    use super::certain;

    #[test]
    fn half_a_character_and_the_beginning_of_a_stop_wait() {
        let stops = |length: usize| vec!["#".repeat(length)];
        assert_eq!(certain("ab\u{fffd}", &[]), "ab");
        assert_eq!(certain("answer ##", &stops(3)), "answer");
        assert_eq!(certain("\u{e9}t\u{e9}", &stops(1)), "\u{e9}t");
    }

    #[test]
    fn nothing_behind_a_stop_is_ever_certain() {
        let stops = ["re".to_owned(), "x".to_owned()];
        assert_eq!(certain("the respon", &stops), "the ");
        assert_eq!(certain("the re", &stops), "the ");
    }
}
