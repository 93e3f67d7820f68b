//! Text to token ids and rows, in the words of this model.

use std::fmt;

use idiolect_completion::Prompt;
use idiolect_data::{Id, Row};
use idiolect_generate::{GenerationSettings, PromptLimits};
use idiolect_prompt::{Conversation, NamedTemplate, Template};
use idiolect_tokens::{TokenRow, preview};
use serde::Serialize;

use super::LanguageModel;
use crate::LmError;
use crate::rows::{ModelPrompt, ScoreRow, user};
use crate::text::vendors_form;

impl LanguageModel {
    /// The id that fills up shorter rows.
    #[must_use]
    pub fn pad_id(&self) -> u32 {
        let config = &self.decoder().config;
        let id = config.pad.unwrap_or_else(|| self.tokenizer().pad());
        // A padding token that was added without a row of the embedding cannot fill rows.
        let has_row = |id: &u32| (*id as usize) < config.vocab_size;
        Some(id)
            .filter(has_row)
            .or(self.tokenizer().eos())
            .filter(has_row)
            .unwrap_or(0)
    }

    /// Ids that end a response: the checkpoint's end tokens and the template's. Sorted.
    #[must_use]
    pub fn stop_tokens(&self) -> Vec<u32> {
        self.ids_that_end(&self.template().stops())
    }

    /// Ids that end a response: the checkpoint's end tokens and these. Sorted.
    pub(super) fn ids_that_end(&self, stops: &[String]) -> Vec<u32> {
        let tokenizer = self.tokenizer();
        let named = stops.iter().filter_map(|stop| tokenizer.id_of(stop));
        let mut ids = self.decoder().config.eos.clone();
        ids.extend(tokenizer.eos().into_iter().chain(named));
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// A prompt as token ids.
    ///
    /// # Errors
    ///
    /// [`LmError::Prompt`] and [`LmError::Tokens`] for a conversation that cannot be rendered or encoded.
    pub fn prompt_ids(&self, prompt: &ModelPrompt) -> Result<Vec<u32>, LmError> {
        match prompt {
            ModelPrompt::Tokens(ids) => Ok(ids.clone()),
            ModelPrompt::Text(text) => {
                let mut ids = self.text_ids(text)?;
                if let [first, second, ..] = ids.as_slice()
                    && first == second
                    && self.tokenizer().bos() == Some(*first)
                {
                    ids.remove(0);
                }
                Ok(ids)
            }
            ModelPrompt::Messages(messages) => self.conversation_ids(messages),
            ModelPrompt::Example(example) => {
                let prompt = Conversation {
                    messages: example.prompt(),
                    ..(&**example).into()
                };
                self.conversation_ids(prompt)
            }
        }
    }

    /// Whether a prompt leaves room for the new tokens, and has no token that the model does not know.
    ///
    /// # Errors
    ///
    /// [`LmError::Request`] says what is wrong with it; as [`LanguageModel::prompt_ids`] where it cannot be encoded.
    pub fn check_prompt(
        &self,
        prompt: &ModelPrompt,
        settings: &GenerationSettings,
    ) -> Result<(), LmError> {
        let limits = PromptLimits {
            vocab: self.decoder().config.vocab_size,
            context: Some(self.max_positions()),
            max_new_tokens: settings.max_new_tokens,
        };
        Ok(limits.check(&self.prompt_ids(prompt)?)?)
    }

    /// What a writer is shown, as token ids. Plain text stands behind the beginning-of-text token, where the
    /// tokenizer puts one, with nothing around it.
    pub(crate) fn completion_ids(&self, prompt: &Prompt) -> Result<Vec<u32>, LmError> {
        match prompt {
            Prompt::Chat(turns) => self.conversation_ids(turns),
            Prompt::Rendered(rendered) => Ok(self.tokenizer().encode(rendered)?.ids),
            Prompt::Given(given) => Ok(given.prompt.clone()),
            Prompt::Text(text) => {
                let raw = Template::Named(NamedTemplate::by_name("vanilla")?);
                Ok(self.tokenizer().encode(&raw.prompt(&user(text))?)?.ids)
            }
        }
    }

    /// A conversation that ends with a user's turn as token ids, in the model's template.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::prompt_ids`].
    pub fn conversation_ids<'a>(
        &self,
        conversation: impl Into<Conversation<'a>>,
    ) -> Result<Vec<u32>, LmError> {
        let rendered = self.template().prompt(conversation)?;
        Ok(self.tokenizer().encode(&rendered)?.ids)
    }

    /// Text after the beginning-of-text token, where the tokenizer puts one.
    pub(crate) fn text_ids(&self, text: &str) -> Result<Vec<u32>, LmError> {
        let tokenizer = self.tokenizer();
        let mut ids: Vec<u32> = tokenizer.bos().into_iter().collect();
        ids.extend(tokenizer.encode_text(text)?);
        Ok(ids)
    }

    /// Plain text as a row to score, behind the beginning-of-text token where the tokenizer puts one, and cut to
    /// `most` tokens. Every token but the first is scored.
    ///
    /// # Errors
    ///
    /// [`LmError::Tokens`] for text that cannot be encoded.
    pub fn text_row(&self, id: Id, text: &str, most: usize) -> Result<TokenRow, LmError> {
        let mut ids = self.text_ids(text)?;
        ids.truncate(most);
        Ok(TokenRow::all_trained(id, ids))
    }

    /// A conversation as a row to train on or to score.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::prompt_ids`], naming the row; and for a row without a trained token.
    pub fn example_row<'a>(
        &self,
        id: Id,
        conversation: impl Into<Conversation<'a>>,
    ) -> Result<TokenRow, LmError> {
        let rendered = match self.template().example(conversation) {
            Ok(rendered) => rendered,
            Err(source) => {
                let suggestion = self.suggestion();
                let source = Box::new(source.into());
                return Err(LmError::Row {
                    id,
                    source,
                    suggestion,
                });
            }
        };
        let ends = self.stop_tokens();
        Ok(self.tokenizer().example_row(id, &rendered, &ends)?)
    }

    /// The rows of a data set as rows to train on or to score.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::example_row`].
    pub fn example_rows(&self, rows: &[Row]) -> Result<Vec<TokenRow>, LmError> {
        let one = |row: &Row| self.example_row(row.example.id.clone(), &row.example);
        rows.iter().map(one).collect()
    }

    /// The named template that writes the form of this tokenizer's vendor, where another is in use.
    fn suggestion(&self) -> Option<String> {
        let fitting = vendors_form(self.tokenizer())?;
        (self.template().name() != fitting)
            .then(|| format!(" (--template {fitting} writes the form of this tokenizer's vendor)"))
    }

    /// A ready token row, checked against the vocabulary.
    ///
    /// # Errors
    ///
    /// [`LmError::Tokens`] names the row and the token that does not fit.
    pub fn checked(&self, row: TokenRow) -> Result<TokenRow, LmError> {
        row.check(self.decoder().config.vocab_size)?;
        Ok(row)
    }

    /// A row of a file as a row to score.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::example_row`] and [`LanguageModel::checked`].
    pub fn score_row(&self, row: ScoreRow) -> Result<TokenRow, LmError> {
        match row {
            ScoreRow::Example(example) => self.example_row(example.id.clone(), &example),
            ScoreRow::Tokens(row) => self.checked(row),
        }
    }

    /// A row's text as people read it, with what of it is trained.
    ///
    /// # Errors
    ///
    /// [`LmError::Tokens`] for ids that cannot be decoded.
    pub fn masked(&self, row: &TokenRow) -> Result<MaskedRow, LmError> {
        Ok(MaskedRow {
            id: row.id.clone(),
            spans: preview(self.tokenizer(), row)?,
        })
    }
}

/// A row's text in spans, each with whether it is trained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaskedRow {
    /// The row's id.
    pub id: Id,
    /// Text, and whether it is trained; special tokens are shown.
    pub spans: Vec<(String, bool)>,
}

impl fmt::Display for MaskedRow {
    /// A line with the id, then the text with trained text between « and ».
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "--- {}", self.id)?;
        self.spans.iter().try_for_each(|(text, trained)| {
            if *trained {
                write!(f, "«{text}»")
            } else {
                f.write_str(text)
            }
        })
    }
}
