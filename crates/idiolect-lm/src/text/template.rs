//! Which template a conversation is rendered with: the checkpoint's own, one by name, or one of a user's file.

use std::path::Path;
use std::sync::Arc;

use idiolect_data::unread;
use idiolect_input::{limits, read_text};
use idiolect_prompt::{ChatTemplate, ChatTokens, Date, NamedTemplate, Template};
use idiolect_tokens::{Tokenizer, TokenizerConfig};
use serde::Deserialize;

use crate::LmError;

/// The file beside a tokenizer that says which template was in use.
pub(crate) const TEMPLATE_FILE: &str = "template.json";

/// The name under which a checkpoint keeps its only chat template.
const DEFAULT: &str = "default";
/// The name of the one for conversations with tools, as transformers picks it.
const FOR_TOOLS: &str = "tool_use";
/// The template of a checkpoint that brings none.
const PLAIN: &str = "alpaca";

/// A choice of template, before the tokenizer is known.
#[derive(Debug, Clone, Default)]
pub(crate) enum TemplateChoice {
    /// The checkpoint's own chat template, and alpaca where it has none.
    #[default]
    Automatic,
    /// The checkpoint's own chat template, which must be there.
    Chat,
    /// A template of this project, or one of a TOML file.
    Named(Arc<NamedTemplate>),
    /// The text of a Jinja file; it takes the place of the checkpoint's own.
    Source(Arc<str>),
}

impl TemplateChoice {
    /// Nothing, `chat`, the path of a `.jinja` or a `.toml` file, or the name of a template.
    pub(crate) fn parse(name: Option<&str>) -> Result<Self, LmError> {
        match name {
            None => Ok(Self::Automatic),
            Some("chat") => Ok(Self::Chat),
            Some(path) if ends_in(path, "jinja") => {
                let source = read_text(Path::new(path), &limits::TEMPLATE_BYTES);
                let source = source.map_err(|source| unread(Path::new(path), source))?;
                Ok(Self::Source(source.into()))
            }
            Some(path) if ends_in(path, "toml") => Ok(Self::Named(
                NamedTemplate::from_file(Path::new(path))?.into(),
            )),
            Some(name) => Ok(Self::Named(NamedTemplate::by_name(name)?.into())),
        }
    }

    /// The template itself; a source is put into the configuration, so that it is saved with the tokenizer.
    pub(crate) fn template(
        &self,
        config: &mut TokenizerConfig,
        ends: &[String],
        tokenizer: &Tokenizer,
        date: Option<Date>,
    ) -> Result<Template, LmError> {
        if let Self::Source(source) = self {
            // It takes the place of the checkpoint's templates with names too.
            if config.chat_template(None) != Some(&**source) {
                config.chat_templates.clear();
            }
            config.put_template(DEFAULT, source.to_string());
        }
        match (self, config.chat_template(None)) {
            (Self::Named(named), _) => Ok(Template::Named(NamedTemplate::clone(named))),
            (_, Some(source)) => chat(source, config, ends, tokenizer, date),
            (Self::Automatic, None) => Ok(Template::Named(NamedTemplate::by_name(PLAIN)?)),
            (_, None) => {
                let expected = "a chat template";
                Err(LmError::setting(
                    "template",
                    expected,
                    "a model without one",
                ))
            }
        }
    }
}

/// What `template.json` says, as far as it is read.
#[derive(Deserialize)]
struct InUse {
    name: String,
    template: Option<NamedTemplate>,
    date: Option<Date>,
}

/// The day that the writer of a folder had its template print; none where it printed none, or there is no record.
///
/// # Errors
///
/// [`LmError::Setting`] for a `template.json` that is none.
pub(crate) fn date_of(folder: &Path) -> Result<Option<Date>, LmError> {
    Ok(in_use(folder)?.and_then(|found| found.date))
}

fn in_use(folder: &Path) -> Result<Option<InUse>, LmError> {
    let path = folder.join(TEMPLATE_FILE);
    if !path.is_file() {
        return Ok(None);
    }
    let text = read_text(&path, &limits::CONFIG_BYTES).map_err(LmError::io(&path))?;
    let found = serde_json::from_str(&text).map_err(|error| {
        let expected = "the template that was in use";
        let found = format!("something else: {error}");
        LmError::setting(path.display().to_string(), expected, found)
    })?;
    Ok(Some(found))
}

/// What is to be said of a model without a chat template of its own, whose conversations are rendered as alpaca.
pub(crate) fn plain_remark(name: &str, config: &TokenizerConfig) -> Option<String> {
    if config.chat_template(None).is_some() {
        return None;
    }
    let others: Vec<&str> = config
        .chat_templates
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let found = match others.as_slice() {
        [] => String::new(),
        others => format!(", only {}", others.join(" and ")),
    };
    let names = NamedTemplate::names().into_iter();
    let names: Vec<String> = names.filter(|name| !name.contains('/')).collect();
    Some(format!(
        "{name} has no default chat template{found}: conversations are rendered as {PLAIN}, unless an adapter brings a \
         template or --template names one ({}, FILE.jinja, FILE.toml)",
        names.join(", ")
    ))
}

/// The template that the writer of a folder had in use: one of this project or of a user's file by
/// `template.json`, else the chat template beside it; none where the folder brings neither.
///
/// # Errors
///
/// [`LmError::Setting`] for a `template.json` that is none; [`LmError::Tokens`] for the tokenizer's files.
pub(crate) fn template_of(folder: &Path) -> Result<Option<TemplateChoice>, LmError> {
    if let Some(named) = named_template(folder)? {
        return Ok(Some(named));
    }
    let config = TokenizerConfig::read(folder)?;
    let chat = config.chat_template(None);
    Ok(chat.map(|source| TemplateChoice::Source(source.into())))
}

/// The template by `template.json` of a folder, where that is none of Jinja: the one that stands in it, or the
/// built-in one that it names.
///
/// # Errors
///
/// As [`template_of`].
pub(crate) fn named_template(folder: &Path) -> Result<Option<TemplateChoice>, LmError> {
    let Some(found) = in_use(folder)? else {
        return Ok(None);
    };
    let named = match found.template {
        Some(template) => {
            template.check()?;
            template
        }
        // A chat template is not among the built-in ones.
        None => match NamedTemplate::by_name(&found.name) {
            Ok(named) => named,
            Err(_) => return Ok(None),
        },
    };
    Ok(Some(TemplateChoice::Named(named.into())))
}

fn ends_in(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == ending)
}

fn chat(
    source: &str,
    config: &TokenizerConfig,
    ends: &[String],
    tokenizer: &Tokenizer,
    date: Option<Date>,
) -> Result<Template, LmError> {
    let tokens = ChatTokens {
        bos: config.special.bos.clone(),
        eos: config.special.eos.clone(),
        end_of_turn: ends.to_vec(),
        special: tokenizer.special_tokens(),
        date,
    };
    let template = ChatTemplate::new(source, tokens)?;
    let template = match config.chat_template(Some(FOR_TOOLS)) {
        Some(source) => template.for_tools(source)?,
        None => template,
    };
    Ok(Template::Chat(Box::new(template)))
}
