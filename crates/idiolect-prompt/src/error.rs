//! What can go wrong between messages and segments.

/// Why messages could not be rendered.
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
    /// Nothing that ends a turn stands behind a response.
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
        known: Vec<&'static str>,
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
}
