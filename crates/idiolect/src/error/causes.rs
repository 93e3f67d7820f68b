//! The causes of an error, and all of them in one line.

use std::error::Error as StdError;

use super::job::Error;

impl Error {
    /// The error of the crate at fault, which this one and those between pass on as it is.
    #[must_use]
    pub fn cause(&self) -> &(dyn StdError + 'static) {
        match self {
            Self::Data(error) => error,
            Self::Prompt(error) => error,
            Self::Tokens(error) => error,
            Self::Completion(error) => error,
            Self::Distill(error) => error,
            Self::Continuation(error) => error,
            Self::Eval(error) => error,
            Self::Report(error) => error,
            #[cfg(feature = "server")]
            Self::Teacher(error) => error,
            #[cfg(feature = "train")]
            Self::Model(error) => error,
            #[cfg(feature = "train")]
            Self::Lora(error) => error,
            #[cfg(feature = "train")]
            Self::Embed(error) => error,
            #[cfg(feature = "train")]
            Self::Lm(error) => error.cause(),
            #[cfg(feature = "serve")]
            Self::Serve(idiolect_serve::ServeError::Lm(error)) => error.cause(),
            #[cfg(feature = "serve")]
            Self::Serve(error) => error,
            #[cfg(feature = "train")]
            Self::FineTune(error) => error.cause(),
            #[cfg(feature = "train")]
            Self::Forgetting(error) => error.cause(),
            other => other,
        }
    }
}

/// The error that an error of this workspace passes on as it is, to the last; the error itself for others.
///
/// An error that is passed on so is no source of the one that passes it on, so that a chain of sources alone
/// does not show it.
#[must_use]
pub fn error_cause<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    if let Some(own) = error.downcast_ref::<Error>() {
        return own.cause();
    }
    #[cfg(feature = "train")]
    if let Some(finetune) = error.downcast_ref::<idiolect_finetune::FineTuneError>() {
        return finetune.cause();
    }
    #[cfg(feature = "train")]
    if let Some(forgetting) = error.downcast_ref::<idiolect_forgetting::ForgettingError>() {
        return forgetting.cause();
    }
    #[cfg(feature = "train")]
    if let Some(lm) = error.downcast_ref::<idiolect_lm::LmError>() {
        return lm.cause();
    }
    error
}

/// An error and what caused it, the last one behind all others; an error that is passed on as it is comes once, as
/// [`error_cause`] gives it.
pub fn error_causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error_cause(error)), |cause| {
        (*cause).source().map(error_cause)
    })
}

/// An error with all that caused it in one line, nothing said twice.
#[must_use]
pub fn error_line(error: &(dyn StdError + 'static)) -> String {
    let mut line = String::new();
    for cause in error_causes(error) {
        let text = cause.to_string();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() {
            line = text;
        } else if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
    }
    line
}
