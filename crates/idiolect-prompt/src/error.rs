//! What can go wrong between messages and segments.

use std::path::PathBuf;

use idiolect_data::DataError;

/// Why a template could not be had, or messages not be rendered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// The chat template is not valid Jinja.
    #[error("chat template {template} is not valid Jinja: {source}")]
    Syntax {
        /// Name of the template.
        template: String,
        /// The engine's own report, with its line.
        source: minijinja::Error,
    },
    /// The chat template failed while it ran.
    #[error("chat template {template} failed: {source}")]
    Render {
        /// Name of the template.
        template: String,
        /// The engine's own report, with its line.
        source: minijinja::Error,
    },
    /// The chat template refused the messages by `raise_exception`, as Mistral's do with a system
    /// message.
    #[error("chat template {template} refuses these messages: {reason}")]
    Refused {
        /// Name of the template.
        template: String,
        /// The template's own words.
        reason: String,
    },
    /// The chat template prints the day of today, and no day is given.
    #[error(
        "chat template {template} prints the date (strftime_now): give the day that it is to print, \
         as --date 2025-01-31 or date = \"2025-01-31\""
    )]
    Undated {
        /// Name of the template.
        template: String,
    },
    /// A turn's prompt is not the beginning of the rendered example, so that what is trained would
    /// not be what generation sees.
    #[error(
        "chat template {template} renders message {message} differently once it is answered; \
         pick a named template"
    )]
    Prefix {
        /// Name of the template.
        template: String,
        /// Index of the assistant message, from 0.
        message: usize,
    },
    /// A chat template shows a turn in part or not at all, so that something else would be trained than the row says.
    #[error(
        "chat template {template} does not show the {what} of message {message}: {text:?} is not in what it renders; \
         pick a template that shows it, or leave the turn untrained (train: false)"
    )]
    Lost {
        /// Name of the template.
        template: String,
        /// Index of the message, from 0.
        message: usize,
        /// What is not shown: content, reasoning, `tool_calls`, or the role of a turn that is no answer.
        what: String,
        /// Its beginning.
        text: String,
    },
    /// A chat template does not show the tools that a row brings.
    #[error(
        "chat template {template} does not show the row's tools ({tool:?} and others); pick a template that does"
    )]
    ToolsLost {
        /// Name of the template.
        template: String,
        /// The name of the first.
        tool: String,
    },
    /// A template that is no chat template has no place for a turn.
    #[error(
        "template {template} has no place for message {message}: expected {expected}, found {found}"
    )]
    Turns {
        /// Name of the template.
        template: String,
        /// Index of the message, from 0.
        message: usize,
        /// What it takes there.
        expected: String,
        /// What there is.
        found: String,
    },
    /// A response is not followed by anything that ends a turn.
    #[error(
        "chat template {template} closes message {message} with {found:?}, \
         expected one of {expected:?}"
    )]
    NoEndOfTurn {
        /// Name of the template.
        template: String,
        /// Index of the assistant message, from 0.
        message: usize,
        /// The texts that may end a turn.
        expected: Vec<String>,
        /// The end of what was rendered.
        found: String,
    },
    /// There is no assistant message, so nothing can be trained.
    #[error("template {template} got an example without a response")]
    NoResponse {
        /// Name of the template.
        template: String,
    },
    /// No template has this name.
    #[error("unknown template {name:?}, expected one of {known:?}")]
    UnknownTemplate {
        /// The name asked for.
        name: String,
        /// All names there are.
        known: Vec<String>,
    },
    /// A message contains the text of a special token and the template looks into its messages, so
    /// that the two cannot be told apart in its output.
    #[error(
        "a message contains the special token {marker:?}, which chat template {template} \
         would turn into markup"
    )]
    Forged {
        /// Name of the template.
        template: String,
        /// The special token's text.
        marker: String,
    },
    /// A template's file could not be read.
    #[error("cannot read template {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A template's file is neither TOML nor Jinja by its name.
    #[error(
        "template {}: expected a file that ends in .toml (a named template) or .jinja (a chat template)",
        path.display()
    )]
    FileKind {
        /// The file.
        path: PathBuf,
    },
    /// A template in TOML is not valid, lacks a value or has a field that there is not.
    #[error("template {0}")]
    Toml(#[source] Box<DataError>),
    /// A field of a template breaks a rule, so that messages would be lost or a model would not learn to stop.
    #[error("template {template}, {field}: expected {expected}, found {found}")]
    Field {
        /// The file, or the name of the template.
        template: String,
        /// The field of [`NamedTemplate`](crate::NamedTemplate) or [`DistillTemplate`](crate::DistillTemplate).
        field: &'static str,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
}
