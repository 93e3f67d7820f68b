//! Results on standard output, or in the file that was asked for.

use std::io::{IsTerminal, Write};
use std::path::Path;

use idiolect::Error;
use idiolect::data::{listed, require_place, write_lines};
use idiolect::input::shown_text;
use serde::Serialize;

use crate::error::CliError;
use crate::progress::{Log, LogForm};

/// Each row as a line of JSON on standard output.
pub(crate) fn lines<T: Serialize>(rows: &[T]) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    let write = |out: &mut dyn Write| {
        for row in rows {
            serde_json::to_writer(&mut *out, row)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    };
    write(&mut out).map_err(CliError::Output)
}

/// What came of a command: its fields in lines for people at a terminal, else an object in a line.
pub(crate) fn summary(of: &impl Serialize) -> Result<(), CliError> {
    if Log::get().form == LogForm::Json || !std::io::stdout().is_terminal() {
        return lines(&[of]);
    }
    let object = serde_json::to_value(of).map_err(|error| CliError::Output(error.into()))?;
    text(&listed(&object))
}

/// Refuses a place where no file of results can be written, before the work for it is done.
pub(crate) fn check(out: Option<&Path>) -> Result<(), CliError> {
    Ok(out.map_or(Ok(()), require_place).map_err(Error::from)?)
}

/// Rows as JSON Lines: in a file, whole or not at all, or on standard output.
pub(crate) fn rows<T: Serialize>(out: Option<&Path>, rows: &[T]) -> Result<(), CliError> {
    match out {
        Some(path) => Ok(write_lines(path, rows).map_err(Error::from)?),
        None => lines(rows),
    }
}

/// Characters of a text that is printed for people.
const LONGEST: usize = 10_000_000;

/// Text for people, without what a terminal would act on: it holds names and texts of files.
pub(crate) fn text(text: &str) -> Result<(), CliError> {
    let text = shown_text(text, LONGEST);
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(CliError::Output)
}

/// Text on standard output as it comes; on a terminal without what that would act on.
#[derive(Default)]
pub(crate) struct Stream {
    failed: Option<std::io::Error>,
}

impl Stream {
    /// Writes a piece of text; false once standard output is gone.
    pub(crate) fn write(&mut self, text: &str) -> bool {
        let mut out = std::io::stdout().lock();
        let text = if out.is_terminal() {
            shown_text(text, LONGEST)
        } else {
            text.into()
        };
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        self.failed = written.err();
        self.failed.is_none()
    }

    /// Ends the line.
    pub(crate) fn end(mut self) -> Result<(), CliError> {
        if self.failed.is_none() {
            self.write("\n");
        }
        match self.failed {
            Some(error) => Err(CliError::Output(error)),
            None => Ok(()),
        }
    }
}
