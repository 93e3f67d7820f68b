//! The text side of a model: its tokenizer and its template, and the files that carry them.

mod gguf;
#[cfg(feature = "gguf")]
pub(crate) use gguf::vocabulary as gguf_vocabulary;
mod template;
mod vendor;
mod vocabulary;

use template::TEMPLATE_FILE;
pub(crate) use template::{TemplateChoice, date_of, named_template, plain_remark, template_of};
pub(crate) use vendor::vendors_form;
pub(crate) use vocabulary::larger;

use std::path::Path;

use idiolect_data::text_hash;
use idiolect_prompt::{Date, NamedTemplate, Slot, Template};
use idiolect_tokens::{MORE_TEMPLATES, Tokenizer, TokenizerConfig};
use serde_json::{Value, json};

use crate::LmError;

/// A tokenizer as a folder or a file holds it, with no template chosen yet.
#[derive(Debug, Clone)]
pub(crate) struct TextFiles {
    pub(crate) tokenizer: Tokenizer,
    pub(crate) config: TokenizerConfig,
    /// The day that a chat template prints.
    pub(crate) date: Option<Date>,
}

impl TextFiles {
    /// Reads the tokenizer of a Hugging Face folder or a GGUF file.
    pub(crate) fn read(model: &Path) -> Result<Self, LmError> {
        let (tokenizer, config) = if model.is_dir() {
            Tokenizer::from_folder(model)?
        } else {
            gguf::read(model)?
        };
        Ok(Self {
            tokenizer,
            config,
            date: date_of(model)?,
        })
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
    /// The day that a chat template prints.
    date: Option<Date>,
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
            date,
        } = files;
        let ends: Vec<String> = eos.iter().filter_map(|id| tokenizer.token(*id)).collect();
        let template = choice.template(&mut config, &ends, &tokenizer, date)?;
        Ok(Self {
            tokenizer,
            template,
            config,
            ends,
            date,
        })
    }

    /// What a user should know of a tokenizer and of the template that was chosen for it.
    pub(crate) fn remarks(&self, choice: &TemplateChoice) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.tokenizer.is_mended() {
            remarks.push(
                "tokenizer.json has the pattern of Llama 3, which a Mistral's should not have: it is read with the \
                 vendor's (fix_mistral_regex)"
                    .to_owned(),
            );
        }
        let (TemplateChoice::Named(_), Template::Named(named)) = (choice, &self.template) else {
            return remarks;
        };
        let is_first = ["mistral", "mistral-v1"].contains(&named.name.as_str());
        if let Some(fitting) = vendors_form(&self.tokenizer).filter(|_| is_first) {
            remarks.push(format!(
                "template {} is the form of Mistral's first tokenizer; this one is of a later version, whose form is \
                 {fitting}",
                named.name
            ));
        }
        if named.start.contains(&Slot::Bos) && self.tokenizer.bos().is_none() {
            remarks.push(format!(
                "template {} begins with the beginning of text, which this tokenizer does not put before a text: \
                 none is written",
                named.name
            ));
        }
        remarks.extend(self.unknown_end(named));
        remarks
    }

    /// That a named template ends turns with markup that is no token here.
    fn unknown_end(&self, named: &NamedTemplate) -> Option<String> {
        let ends = named.stops.iter().chain(&named.stop_texts);
        let is_unknown =
            |end: &&String| end.starts_with("<|") && self.tokenizer.id_of(end).is_none();
        let end = { ends }.find(is_unknown)?;
        Some(format!(
            "template {} ends turns with {end}, which is no token of this tokenizer: it is written in pieces, unless \
             --add-tokens {end:?} makes it one",
            named.name
        ))
    }

    /// The day that a chat template prints.
    pub(crate) fn date(&self) -> Option<Date> {
        self.date
    }

    /// The same files, for another choice of template or with more words.
    pub(crate) fn files(&self) -> TextFiles {
        TextFiles {
            tokenizer: self.tokenizer.clone(),
            config: self.config.clone(),
            date: self.date,
        }
    }

    /// Template and stops in use, for those who come after.
    fn in_use(&self) -> Value {
        let mut in_use = json!({"name": self.template.name(), "stops": self.template.stops()});
        if let (Some(date), Template::Chat(_)) = (self.date, &self.template) {
            in_use["date"] = date.to_string().into();
        }
        in_use
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
        if let (Some(flag), Some(map)) =
            (self.tokenizer.fix_mistral_regex(), config.as_object_mut())
        {
            map.insert("fix_mistral_regex".to_owned(), flag.into());
        }
        if let Some(source) = self.config.chat_template(None) {
            config["chat_template"] = source.into();
            files.push(("chat_template.jinja", source.into()));
        }
        files.push(("tokenizer_config.json", format!("{config:#}\n")));
        let mut files: Vec<(String, String)> = files
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text))
            .collect();
        let more = self.config.chat_templates.iter();
        let more = more.filter(|(name, _)| name != "default" && !name.contains(['/', '\\']));
        files.extend(
            more.map(|(name, text)| (format!("{MORE_TEMPLATES}/{name}.jinja"), text.clone())),
        );
        for (name, text) in &files {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(LmError::io(parent))?;
            }
            std::fs::write(&path, text).map_err(LmError::io(&path))?;
        }
        Ok(files.into_iter().map(|(name, _)| name).collect())
    }
}
