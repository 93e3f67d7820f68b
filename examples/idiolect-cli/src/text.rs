//! The text side of a model: tokenizer and template, and the files that carry them.

use std::path::Path;

use idiolect::model::gguf::GgufFile;
use idiolect::prompt::{ChatTemplate, ChatTokens, NamedTemplate, Template};
use idiolect::tokens::{GgufVocabulary, Tokenizer, TokenizerConfig};
use serde_json::{Value, json};

use crate::error::CliError;
use crate::identity::text_hash;

/// What is known of a checkpoint's text beside its tokenizer.
#[derive(Debug, Clone)]
pub struct Text {
    /// Special tokens and chat templates.
    pub config: TokenizerConfig,
    /// Spellings of the checkpoint's end tokens.
    ends: Vec<String>,
    /// The tokenizer as `tokenizer.json` holds it.
    tokenizer_json: String,
    /// Template and stops in use, for those who come after.
    in_use: Value,
}

impl Text {
    /// Reads the tokenizer of a Hugging Face folder or a GGUF file.
    ///
    /// # Errors
    ///
    /// [`CliError::Tokens`] or [`CliError::Model`] name the file that is missing or malformed.
    pub fn read(model: &Path) -> Result<(Tokenizer, Self), CliError> {
        let (tokenizer, config) = if model.is_dir() {
            Tokenizer::from_folder(model)?
        } else {
            Tokenizer::from_gguf(&vocabulary(model)?)?
        };
        let tokenizer_json = tokenizer.to_json()?;
        Ok((
            tokenizer,
            Self {
                config,
                ends: Vec::new(),
                tokenizer_json,
                in_use: Value::Null,
            },
        ))
    }

    /// Holds another tokenizer from now on.
    ///
    /// # Errors
    ///
    /// [`CliError::Tokens`] when it cannot be written.
    pub fn hold(&mut self, tokenizer: &Tokenizer) -> Result<(), CliError> {
        self.tokenizer_json = tokenizer.to_json()?;
        Ok(())
    }

    /// Notes the checkpoint's end tokens, which end a turn too.
    pub fn end_tokens(&mut self, ids: &[u32], tokenizer: &Tokenizer) {
        self.ends = ids.iter().filter_map(|id| tokenizer.token(*id)).collect();
    }

    /// The template called `name`: `chat` or nothing is the checkpoint's own, where it has one.
    ///
    /// # Errors
    ///
    /// [`CliError::Prompt`] for a name that is none, or a chat template that does not parse.
    pub fn template(
        &mut self,
        name: Option<&str>,
        tokenizer: &Tokenizer,
    ) -> Result<Template, CliError> {
        let own = self.config.chat_template(None);
        let template = match (name, own) {
            (None | Some("chat"), Some(source)) => self.chat(source, tokenizer)?,
            (Some("chat"), None) => {
                return Err(CliError::setting(
                    "--template",
                    "a chat template",
                    "a model without one",
                ));
            }
            (name, _) => Template::Named(NamedTemplate::by_name(name.unwrap_or("alpaca"))?),
        };
        self.in_use = json!({"name": template.name(), "stops": template.stops()});
        Ok(template)
    }

    fn chat(&self, source: &str, tokenizer: &Tokenizer) -> Result<Template, CliError> {
        let tokens = ChatTokens {
            bos: self.config.special.bos.clone(),
            eos: self.config.special.eos.clone(),
            end_of_turn: self.ends.clone(),
            special: tokenizer.special_tokens(),
            date: None,
        };
        Ok(Template::Chat(Box::new(ChatTemplate::new(source, tokens)?)))
    }

    /// Tells this tokenizer and template from others.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let Self {
            config,
            ends,
            tokenizer_json,
            in_use,
        } = self;
        text_hash(&format!("{config:?} {ends:?} {in_use} {tokenizer_json}"))
    }

    /// Writes tokenizer, special tokens, chat template, and the template in use into a folder; returns the
    /// names of the files.
    ///
    /// # Errors
    ///
    /// [`CliError::Io`] when a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<Vec<String>, CliError> {
        let special = &self.config.special;
        let mut config = json!({
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": special.bos,
            "eos_token": special.eos, "pad_token": special.pad, "unk_token": special.unk,
            "add_bos_token": special.add_bos, "additional_special_tokens": special.others,
            "model_max_length": self.config.model_max_length, "clean_up_tokenization_spaces": false,
        });
        let mut files = vec![
            ("tokenizer.json", self.tokenizer_json.clone()),
            ("template.json", format!("{:#}\n", self.in_use)),
        ];
        if let Some(map) = config.as_object_mut() {
            // A setting that the checkpoint does not make is left to its reader.
            map.retain(|_, value| !value.is_null());
        }
        if let Some(source) = self.config.chat_template(None) {
            config["chat_template"] = source.into();
            files.push(("chat_template.jinja", source.into()));
        }
        files.push(("tokenizer_config.json", format!("{config:#}\n")));
        for (name, text) in &files {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(CliError::io(&path))?;
        }
        Ok(files
            .into_iter()
            .map(|(name, _)| name.to_string())
            .collect())
    }
}

fn vocabulary(model: &Path) -> Result<GgufVocabulary, CliError> {
    let found = GgufFile::open(model)?.vocabulary()?;
    Ok(GgufVocabulary {
        model: found.model,
        pre: found.pre,
        tokens: found.tokens,
        scores: found.scores,
        token_types: found.token_types,
        merges: found.merges,
        bos: found.bos,
        eos: found.eos,
        pad: found.pad,
        unk: found.unk,
        add_bos: found.add_bos,
        add_space_prefix: found.add_space_prefix,
        chat_template: found.chat_template,
    })
}
