//! How the program speaks, as the command line says: one setting for the whole process.

use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

use clap::ValueEnum;
use idiolect::input::shown_text;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

/// Characters of a line that is told.
const LONGEST: usize = 4000;

/// The form of what standard error gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogForm {
    /// A bar on a terminal, lines elsewhere.
    #[default]
    Human,
    /// A JSON object a line, for programs.
    Json,
    /// Errors alone.
    Quiet,
}

/// How the program speaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Log {
    /// The form.
    pub(crate) form: LogForm,
    /// Shortest time between two lines about the same work.
    pub(crate) every: Duration,
    /// How often `-v` was given.
    pub(crate) verbose: u8,
}

static LOG: OnceLock<Log> = OnceLock::new();

impl Log {
    /// Settles how this process speaks; the first call counts.
    pub(crate) fn set(self) {
        let _ = LOG.set(self);
        self.listen();
    }

    /// Writes what this program's own libraries tell as events, up to the level that `-v` asks for.
    fn listen(self) {
        let level = match self.verbose {
            0 => return,
            1 => LevelFilter::INFO,
            _ => LevelFilter::DEBUG,
        };
        let events = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
        let events = match self.form {
            LogForm::Human => events.without_time().with_target(false).boxed(),
            LogForm::Json => events.json().without_time().boxed(),
            LogForm::Quiet => return,
        };
        let own = Targets::new().with_target("idiolect", level);
        // Another subscriber there is none.
        let _ = tracing_subscriber::registry()
            .with(events.with_filter(own))
            .try_init();
    }

    /// As it was settled; before that, as by default.
    pub(crate) fn get() -> Self {
        let plain = Self {
            form: LogForm::default(),
            every: Duration::from_secs(10),
            verbose: 0,
        };
        LOG.get().copied().unwrap_or(plain)
    }

    /// Tells one thing: its line for people, its object for programs.
    pub(crate) fn tell(self, line: &str, object: &Value) {
        let line = match self.form {
            LogForm::Human => shown_text(line, LONGEST).into_owned(),
            LogForm::Json => object.to_string(),
            LogForm::Quiet => return,
        };
        // Nobody is left to be told when standard error is gone.
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// Tells a line that a user should read.
    pub(crate) fn note(self, line: &str) {
        self.tell(line, &json!({"note": line}));
    }

    /// Tells of the error that ends the program, also where nothing else is told.
    pub(crate) fn error(self, line: &str) {
        let line = match self.form {
            LogForm::Json => json!({"error": line}).to_string(),
            LogForm::Human | LogForm::Quiet => format!("error: {line}"),
        };
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
