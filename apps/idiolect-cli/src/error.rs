//! One line and an exit status for whatever goes wrong.
//!
//! Status 2: the input or the call is wrong, and the line names file, row, tensor or field.
//! Status 1: the run failed.
//! Status 101: a panic, that is a fault of the program itself.

use std::path::PathBuf;

use idiolect::hub::HubError;
use idiolect::input::shown;
use idiolect::{Blame, error_line};

use crate::args::as_typed;

/// Characters of the line about an error.
const LONGEST: usize = 4000;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The library refused or failed.
    #[error(transparent)]
    Job(#[from] idiolect::Error),
    /// The Hub gave or took nothing.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The arguments do not parse.
    #[error("{0}")]
    Usage(String),
    /// The arguments do not parse, and clap has said so.
    #[error("the arguments do not parse")]
    Told,
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Output(#[source] std::io::Error),
    /// Standard input cannot be read.
    #[error("standard input: {0}")]
    Input(#[source] std::io::Error),
    /// A file or folder that cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's own reason.
        source: std::io::Error,
    },
    /// Another machine's device is gone while it was used.
    #[error("{0} is lost: its machine no longer answers")]
    DeviceLost(String),
    /// A panic, with what it said and where.
    #[error("a fault of this program, which is worth a report: {0}")]
    Panic(String),
    /// The user asked to stop; what was done is on disk.
    #[error("stopped: done up to step {steps}; the same command{again} resumes")]
    Stopped {
        /// Optimiser steps done.
        steps: usize,
        /// What to add to the command, after a space.
        again: &'static str,
    },
    /// The user asked to stop a training that writes no checkpoints.
    #[error("stopped: done up to step {steps} and not kept, since --checkpoint-every is 0")]
    Lost {
        /// Optimiser steps done.
        steps: usize,
    },
}

impl CliError {
    /// A training that was asked to stop, whose steps are `kept` or not; `again` is what to add to the command.
    pub(crate) fn stopped(steps: usize, kept: bool, again: &'static str) -> Self {
        if kept {
            Self::Stopped { steps, again }
        } else {
            Self::Lost { steps }
        }
    }

    /// Whether the user has read it already.
    pub(crate) fn is_told(&self) -> bool {
        matches!(self, Self::Told)
    }

    /// The exit status: 2 for a wrong input or call, 1 for a failed run, 101 for a panic.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Panic(_) => 101,
            Self::Stopped { .. } | Self::Lost { .. } | Self::DeviceLost(_) => 1,
            other if Blame::of(other.cause()) == Blame::Run => 1,
            _ => 2,
        }
    }

    /// The whole chain of causes in one line, none said twice, and nothing in it that a terminal acts on: names
    /// and texts of files stand in errors.
    pub(crate) fn line(&self) -> String {
        let line = as_flag(&error_line(self.cause()));
        shown(&line, LONGEST).into_owned()
    }

    /// The library's error, where it is one.
    fn cause(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Job(job) => job,
            Self::Hub(hub) => hub,
            own => own,
        }
    }
}

/// A setting by the name of its option, where the text begins with a setting and not with a path that was typed and has
/// a setting's name: libraries know settings by their keys in a file.
fn as_flag(text: &str) -> String {
    let own = text.strip_prefix("command line: ").unwrap_or(text);
    let key = own.split([':', '.', '/']).next();
    let is_path = std::env::args().any(|typed| Some(&*typed) == key);
    match own.split_once(": ").filter(|_| is_path) {
        Some((path, rest)) => format!("{path}: {}", as_typed(rest)),
        None => as_typed(own),
    }
}
