//! The text side of a model: its tokenizer and its template, and the files that carry them.

mod gguf;
mod template;
mod vocabulary;

use template::TEMPLATE_FILE;
pub(crate) use template::{TemplateChoice, named_template, template_of};
pub(crate) use vocabulary::larger;

use std::path::Path;

use idiolect_data::text_hash;
use idiolect_prompt::{NamedTemplate, Template};
use idiolect_tokens::{Tokenizer, TokenizerConfig};
use serde_json::{Value, json};

use crate::LmError;

/// A tokenizer as a folder or a file holds it, with no template chosen yet.
#[derive(Debug, Clone)]
pub(crate) struct TextFiles {
    pub(crate) tokenizer: Tokenizer,
    pub(crate) config: TokenizerConfig,
}

impl TextFiles {
    /// Reads the tokenizer of a Hugging Face folder or a GGUF file.
    pub(crate) fn read(model: &Path) -> Result<Self, LmError> {
        let (tokenizer, config) = if model.is_dir() {
            Tokenizer::from_folder(model)?
        } else {
            gguf::read(model)?
        };
        Ok(Self { tokenizer, config })
    }
}

/// Tokenizer and template of a model.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    /// Text to tokens.
    pub(crate) tokenizer: Tokenizer,
    /// Conversations to text.
    pub(crate) template: Template,
    /// Special tokens and chat templates.
    pub(crate) config: TokenizerConfig,
    /// Spellings of the checkpoint's end tokens.
    ends: Vec<String>,
}

impl Text {
    /// A tokenizer with the template that was chosen; `eos` are the checkpoint's end tokens, which end a turn
    /// too.
    pub(crate) fn new(
        files: TextFiles,
        eos: &[u32],
        choice: &TemplateChoice,
    ) -> Result<Self, LmError> {
        let TextFiles {
            tokenizer,
            mut config,
        } = files;
        let ends: Vec<String> = eos.iter().filter_map(|id| tokenizer.token(*id)).collect();
        let template = choice.template(&mut config, &ends, &tokenizer)?;
        Ok(Self {
            tokenizer,
            template,
            config,
            ends,
        })
    }

    /// The same files, for another choice of template or with more words.
    pub(crate) fn files(&self) -> TextFiles {
        TextFiles {
            tokenizer: self.tokenizer.clone(),
            config: self.config.clone(),
        }
    }

    /// Template and stops in use, for those who come after.
    fn in_use(&self) -> Value {
        json!({"name": self.template.name(), "stops": self.template.stops()})
    }

    /// The same with all of a template that has no Jinja file, so that whoever opens the folder has it.
    fn in_use_whole(&self) -> Value {
        let mut whole = self.in_use();
        if let Template::Named(named) = &self.template {
            whole["template"] = json!(named);
        }
        whole
    }

    /// Whether this is the template of a choice that a folder brings.
    pub(crate) fn has(&self, choice: &TemplateChoice) -> bool {
        match (choice, &self.template) {
            (TemplateChoice::Named(theirs), Template::Named(own)) => **theirs == *own,
            (TemplateChoice::Source(theirs), Template::Chat(_)) => {
                self.config.chat_template(None) == Some(&**theirs)
            }
            _ => false,
        }
    }

    /// Tells this tokenizer and template from others.
    pub(crate) fn fingerprint(&self) -> Result<String, LmError> {
        let Self { config, ends, .. } = self;
        let (in_use, tokenizer) = (self.in_use(), self.tokenizer.to_json()?);
        let own = self.own_template();
        Ok(text_hash(&format!(
            "{config:?} {ends:?} {in_use} {tokenizer}{own}"
        )))
    }

    /// All of a user's own template, whose name says nothing of its contents; empty for a built-in one.
    /// A chat template stands in the configuration.
    fn own_template(&self) -> String {
        match &self.template {
            Template::Named(named)
                if NamedTemplate::by_name(&named.name).ok().as_ref() != Some(named) =>
            {
                json!(named).to_string()
            }
            _ => String::new(),
        }
    }

    /// Writes tokenizer, special tokens, chat template, and the template in use into a folder; returns the
    /// names of the files.
    pub(crate) fn save(&self, folder: &Path) -> Result<Vec<String>, LmError> {
        let special = &self.config.special;
        let mut config = json!({
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": special.bos,
            "eos_token": special.eos, "pad_token": special.pad, "unk_token": special.unk,
            "add_bos_token": special.add_bos, "additional_special_tokens": special.others,
            "model_max_length": self.config.model_max_length, "clean_up_tokenization_spaces": false,
        });
        let mut files = vec![
            ("tokenizer.json", self.tokenizer.to_json()?),
            (TEMPLATE_FILE, format!("{:#}\n", self.in_use_whole())),
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
            std::fs::write(&path, text).map_err(LmError::io(&path))?;
        }
        Ok(files
            .into_iter()
            .map(|(name, _)| name.to_string())
            .collect())
    }
}
