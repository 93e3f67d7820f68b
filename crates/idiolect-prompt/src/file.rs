//! Templates that users write: in TOML, or as Jinja chat templates.

use std::path::Path;

use idiolect_data::settings::from_toml;
use idiolect_input::{limits, read_text};
use serde::de::DeserializeOwned;

use crate::{
    ChatTemplate, ChatTokens, ContextTemplate, DistillTemplate, NamedTemplate, PromptError,
    Template,
};

/// Where a template comes from that is read from no file.
const TEXT: &str = "in TOML";

impl NamedTemplate {
    /// Reads a template from the text of a TOML file; its keys are the fields of this type.
    ///
    /// # Errors
    ///
    /// [`PromptError::Toml`] for a text that is no such template, [`PromptError::Field`] for a field that breaks a
    /// rule, or for the name of a built-in template that says something else.
    pub fn from_toml(text: &str) -> Result<Self, PromptError> {
        Self::parse(text, TEXT)
    }

    /// Reads a template from a TOML file.
    ///
    /// # Errors
    ///
    /// [`PromptError::Read`], and those of [`from_toml`](Self::from_toml).
    pub fn from_file(path: &Path) -> Result<Self, PromptError> {
        Self::parse(&read(path)?, &path.display().to_string())
    }

    fn parse(text: &str, place: &str) -> Result<Self, PromptError> {
        let template: Self = parse(text, place)?;
        template.check_new().map_err(|error| at(place, error))?;
        Ok(template)
    }

    fn check_new(&self) -> Result<(), PromptError> {
        self.check()?;
        match Self::by_name(&self.name) {
            Ok(own) if own != *self => Err(taken(self)),
            _ => Ok(()),
        }
    }
}

impl DistillTemplate {
    /// Reads a template from the text of a TOML file; its keys are the fields of this type.
    ///
    /// # Errors
    ///
    /// [`PromptError::Toml`] for a text that is no such template, [`PromptError::Field`] for a field that breaks a
    /// rule, or for the name of a built-in template that says something else.
    pub fn from_toml(text: &str) -> Result<Self, PromptError> {
        Self::parse(text, TEXT)
    }

    /// Reads a template from a TOML file.
    ///
    /// # Errors
    ///
    /// [`PromptError::Read`], and those of [`from_toml`](Self::from_toml).
    pub fn from_file(path: &Path) -> Result<Self, PromptError> {
        Self::parse(&read(path)?, &path.display().to_string())
    }

    fn parse(text: &str, place: &str) -> Result<Self, PromptError> {
        let template: Self = parse(text, place)?;
        template.check_new().map_err(|error| at(place, error))?;
        Ok(template)
    }

    fn check_new(&self) -> Result<(), PromptError> {
        self.check()?;
        match Self::by_name(self.name()) {
            Ok(own) if own != *self => Err(taken(&self.form)),
            _ => Ok(()),
        }
    }
}

impl ContextTemplate {
    /// Reads a template from a TOML file; its keys are the fields of this type.
    ///
    /// # Errors
    ///
    /// [`PromptError::Read`], [`PromptError::Toml`] for a text that is no such template, and [`PromptError::Field`] for a
    /// field that breaks a rule, or for the name of a built-in template that says something else.
    pub fn from_file(path: &Path) -> Result<Self, PromptError> {
        let place = path.display().to_string();
        let template: Self = parse(&read(path)?, &place)?;
        template.check().map_err(|error| at(&place, error))?;
        match Self::by_name(&template.name) {
            Ok(own) if own != template => {
                let expected = "a name that no built-in template has";
                Err(at(
                    &place,
                    template.breach("name", expected, &template.name),
                ))
            }
            _ => Ok(template),
        }
    }
}

impl Template {
    /// Reads a template from a file: a [`NamedTemplate`] where its name ends in `.toml`, a [`ChatTemplate`] where it
    /// ends in `.jinja`, which has the name of its file.
    ///
    /// `tokens` are the special tokens that a chat template writes; a named template needs none.
    ///
    /// # Errors
    ///
    /// [`PromptError::FileKind`] for another ending, [`PromptError::Read`], [`PromptError::Syntax`], and those of
    /// [`NamedTemplate::from_toml`].
    pub fn from_file(path: &Path, tokens: ChatTokens) -> Result<Self, PromptError> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("toml") => Ok(Self::Named(NamedTemplate::from_file(path)?)),
            Some("jinja") => {
                let chat = chat(path, &read(path)?, tokens)?;
                Ok(Self::Chat(Box::new(chat)))
            }
            _ => Err(PromptError::FileKind { path: path.into() }),
        }
    }
}

/// A chat template with the name of its file, without the folder: records hold this name.
fn chat(path: &Path, source: &str, tokens: ChatTokens) -> Result<ChatTemplate, PromptError> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let parsed = ChatTemplate::named(&name.to_string_lossy(), source, tokens);
    parsed.map_err(|error| match error {
        PromptError::Syntax { source, .. } => PromptError::Syntax {
            template: path.display().to_string(),
            source,
        },
        other => other,
    })
}

fn read(path: &Path) -> Result<String, PromptError> {
    read_text(path, &limits::TEMPLATE_BYTES).map_err(|source| PromptError::Read {
        path: path.into(),
        source,
    })
}

fn parse<T: DeserializeOwned>(text: &str, place: &str) -> Result<T, PromptError> {
    from_toml(place, text).map_err(|source| PromptError::Toml(Box::new(source)))
}

/// The error with the place that the template was read from, which says more than its name.
fn at(place: &str, error: PromptError) -> PromptError {
    match error {
        PromptError::Field {
            field,
            expected,
            found,
            ..
        } => PromptError::Field {
            template: place.into(),
            field,
            expected,
            found,
        },
        other => other,
    }
}

fn taken(template: &NamedTemplate) -> PromptError {
    let expected = "a name that no built-in template has";
    template.breach("name", expected, format!("{:?}", template.name))
}
