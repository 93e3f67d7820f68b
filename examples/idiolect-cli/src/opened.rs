//! A model ready for a command: decoder, adapter, tokenizer and template, from wherever they are.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use idiolect::data::{Id, Message};
use idiolect::lora::{LoraAdapter, Stack};
use idiolect::model::{Adapter, Decoder, LoadReport, NoAdapter};
use idiolect::prompt::Template;
use idiolect::tokens::{Overlong, TokenRow, Tokenizer};

use crate::adapting::weighted;
use crate::error::CliError;
use crate::identity::hash;
use crate::keys::{ModelKeys, TrainKeys};
use crate::rows::Prompt;
use crate::text::Text;
use crate::vocabulary::larger;
use crate::{device, hub};

/// A model and everything that a command asks of it.
pub struct Opened {
    /// Last part of the model's path, or its Hub name.
    pub name: String,
    /// Where it was read from.
    pub path: PathBuf,
    /// The weights, with what the adapter trained whole.
    pub decoder: Decoder,
    /// What loading did.
    pub report: LoadReport,
    /// An adapter that changes it.
    pub adapter: Option<LoraAdapter>,
    /// Adapters that change it together, where there are several or a weighted one.
    pub stack: Option<Stack>,
    /// Text to tokens.
    pub tokenizer: Tokenizer,
    /// Conversations to text.
    pub template: Template,
    /// The files behind tokenizer and template.
    pub text: Text,
    hashed: OnceLock<String>,
}

impl Opened {
    /// Opens a model, with an adapter and a named template where those are given.
    ///
    /// An adapter folder that brings a tokenizer must bring the model's, or one with more words: the same
    /// text as other ids would be another task.
    ///
    /// # Errors
    ///
    /// The error of whatever cannot be read or does not fit the rest.
    pub fn new(
        keys: &ModelKeys,
        adapter: Option<&Path>,
        template: Option<&str>,
    ) -> Result<Self, CliError> {
        let name = keys.model.as_deref();
        let name = name.ok_or_else(|| CliError::setting("--model", "a model", "nothing"))?;
        let device = device::device(keys.device.as_deref().unwrap_or("flex"))?;
        let dtype = device::dtype(keys.dtype.as_deref().unwrap_or("f32"), &device)?;
        let bits = keys.quantize.map(device::bits).transpose()?;
        let path = hub::locate(name)?;
        let config = idiolect::model::read_config(&path)?;
        let (mut tokenizer, mut text) = Text::read(&path)?;
        tokenizer.check_embedding(config.vocab_size)?;
        let more = adapter.map(|folder| larger(folder, &tokenizer));
        if let Some(more) = more.transpose()?.flatten() {
            (tokenizer, text) = more;
        }
        text.end_tokens(&config.eos, &tokenizer);
        let template = text.template(template, &tokenizer)?;
        let (decoder, report) = match bits {
            Some(bits) => idiolect::model::load_packed(&path, &device, dtype, bits)?,
            None => idiolect::model::load(&path, &device, dtype)?,
        };
        let name = path
            .file_name()
            .map_or(name.into(), |name| name.display().to_string());
        let mut opened = Self {
            name,
            path,
            decoder,
            report,
            adapter: None,
            stack: None,
            tokenizer,
            template,
            text,
            hashed: OnceLock::new(),
        };
        if let Some(folder) = adapter {
            let adapter = idiolect::lora::load(folder, &opened.decoder, &device)?;
            opened.wear(adapter.at_rest());
            let rows = opened.decoder.config.vocab_size;
            opened.tokenizer.check_embedding(rows)?;
        }
        Ok(opened)
    }

    /// Puts an adapter on, and what it trained whole in the place of the model's own.
    pub fn wear(&mut self, adapter: LoraAdapter) {
        self.decoder = adapter.decoder(&self.decoder);
        self.adapter = Some(adapter);
    }

    /// Hash of the model's files, which are read once.
    ///
    /// # Errors
    ///
    /// [`CliError::Io`] names the file that cannot be read.
    pub fn model_hash(&self) -> Result<String, CliError> {
        if let Some(hash) = self.hashed.get() {
            return Ok(hash.clone());
        }
        let found = hash(&self.path)?;
        Ok(self.hashed.get_or_init(|| found).clone())
    }

    /// As [`Opened::new`], with any number of adapters, each written as a folder or as folder=weight.
    ///
    /// # Errors
    ///
    /// As for [`Opened::new`]; [`CliError::Setting`] for a weight that is no number, and for an adapter with
    /// words or whole modules of its own beside others or in part.
    pub fn with(
        keys: &ModelKeys,
        adapters: &[String],
        template: Option<&str>,
    ) -> Result<Self, CliError> {
        let parts: Vec<(&str, f64)> = adapters
            .iter()
            .map(|text| weighted(text))
            .collect::<Result<_, _>>()?;
        if let [] | [(_, 1.0)] = parts.as_slice() {
            let only = parts.first().map(|(folder, _)| Path::new(*folder));
            return Self::new(keys, only, template);
        }
        let mut opened = Self::new(keys, None, template)?;
        let device = opened.decoder.device();
        let one = |(folder, weight): (&str, f64)| {
            let more = larger(Path::new(folder), &opened.tokenizer)?.is_some();
            let part = idiolect::lora::load(Path::new(folder), &opened.decoder, &device)?;
            if more || !part.whole.is_empty() {
                let expected = "an adapter without modules_to_save beside others or in part";
                return Err(CliError::setting("--adapter", expected, folder));
            }
            Ok::<_, CliError>((part.at_rest(), weight))
        };
        let parts = parts.into_iter().map(one).collect::<Result<_, _>>()?;
        opened.stack = Some(Stack { parts });
        Ok(opened)
    }

    /// The adapter, the stack of several, or the seed model's none.
    pub fn adapter(&self) -> &dyn Adapter {
        match (&self.stack, &self.adapter) {
            (Some(stack), _) => stack,
            (None, Some(adapter)) => adapter,
            (None, None) => &NoAdapter,
        }
    }

    /// The id that fills up shorter rows.
    pub fn pad_id(&self) -> u32 {
        self.decoder
            .config
            .pad
            .unwrap_or_else(|| self.tokenizer.pad())
    }

    /// Ids that end a response: the checkpoint's end tokens and the template's.
    pub fn stop_tokens(&self) -> Vec<u32> {
        let named = self.template.stops();
        let named = named.iter().filter_map(|stop| self.tokenizer.id_of(stop));
        let mut ids = self.decoder.config.eos.clone();
        ids.extend(self.tokenizer.eos().into_iter().chain(named));
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// A prompt as token ids.
    ///
    /// # Errors
    ///
    /// [`CliError::Prompt`] and [`CliError::Tokens`] for a conversation that cannot be rendered or encoded.
    pub fn prompt_ids(&self, prompt: &Prompt) -> Result<Vec<u32>, CliError> {
        match prompt {
            Prompt::Tokens(ids) => Ok(ids.clone()),
            Prompt::Messages(messages) => {
                Ok(self.tokenizer.encode(&self.template.prompt(messages)?)?.ids)
            }
        }
    }

    /// A conversation as a row to train on or to score.
    ///
    /// # Errors
    ///
    /// As [`Opened::prompt_ids`], naming the row; and for a row without a trained token.
    pub fn example_row(&self, id: Id, messages: &[Message]) -> Result<TokenRow, CliError> {
        let rendered = self.template.example(messages);
        let rendered = rendered.map_err(|source| CliError::Row {
            id: crate::dataset::plain(&id),
            source: Box::new(source.into()),
        })?;
        Ok(self.tokenizer.example_row(id, &rendered)?)
    }

    /// A ready token row, checked against the vocabulary.
    ///
    /// # Errors
    ///
    /// [`CliError::Tokens`] names the row and the token that does not fit.
    pub fn checked(&self, row: TokenRow) -> Result<TokenRow, CliError> {
        row.check(self.decoder.config.vocab_size)?;
        Ok(row)
    }

    /// Longest row in tokens, and what becomes of longer ones.
    ///
    /// # Errors
    ///
    /// [`CliError::Setting`] for a limit above the model's positions, or an unknown rule.
    pub fn limit(&self, keys: &TrainKeys) -> Result<(usize, Overlong), CliError> {
        let most = self.decoder.config.max_positions;
        let limit = keys.max_length.unwrap_or(most);
        if limit == 0 || limit > most {
            let expected = format!("1 to {most}, the model's positions");
            return Err(CliError::setting("--max-length", expected, limit));
        }
        let rule = keys.overlong.as_deref().unwrap_or("error");
        let rule = rule
            .parse()
            .map_err(|_| CliError::setting("--overlong", "error, drop or cut", rule))?;
        Ok((limit, rule))
    }
}
