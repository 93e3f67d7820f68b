//! Progress of long work: a bar on a terminal, lines elsewhere.

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};

use idiolect::Progress;
use idiolect::input::shown;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::Value;

use crate::args::as_typed;

use super::lines::Lines;
use super::log::{Log, LogForm};

/// Characters of a text about a stage: stages are named after files.
const LONGEST: usize = 400;
/// Characters of a stage's name in a bar: half of a terminal's, where that says how many it has.
const NAME: usize = 40;
/// A stage in a line; what is told of it has the line below, for both are longer than many a terminal.
const FORM: &str = "{prefix} [{wide_bar}] {pos}/{len} {elapsed}{left}";

/// The stage that is under way, and how it is shown: one for the whole process.
pub(crate) struct Bar {
    stage: &'static Mutex<Option<Shown>>,
}

impl Default for Bar {
    fn default() -> Self {
        static STAGE: Mutex<Option<Shown>> = Mutex::new(None);
        Self { stage: &STAGE }
    }
}

/// A stage on a terminal, or in a log.
enum Shown {
    Bar(ProgressBar),
    Lines(Lines),
}

impl Bar {
    fn stage(&self) -> MutexGuard<'_, Option<Shown>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands behind the bar, and the numbers in it by name.
    pub(crate) fn message(&self, text: &str, numbers: &Value) {
        let text = shown(text, LONGEST).into_owned();
        match &mut *self.stage() {
            Some(Shown::Bar(bar)) => {
                if bar.message().is_empty() {
                    bar.set_style(style(&format!("{FORM}\n{{wide_msg}}")));
                }
                bar.set_message(text);
            }
            Some(Shown::Lines(lines)) => lines.message(text, numbers.clone()),
            None => {}
        }
    }

    /// A line that a user should read, for programs an object.
    pub(crate) fn tell(&self, line: &str, object: &Value) {
        self.beside(|| Log::get().tell(line, object));
    }

    /// The stage and how far it is; none where none is under way.
    pub(crate) fn reached(&self) -> Option<String> {
        match &*self.stage() {
            Some(Shown::Bar(bar)) => {
                let total = bar.length().unwrap_or_default();
                Some(format!("{} {}/{total}", bar.prefix(), bar.position()))
            }
            Some(Shown::Lines(lines)) => Some(lines.reached()),
            None => None,
        }
    }

    /// Whether a bar is on the terminal.
    pub(crate) fn is_shown(&self) -> bool {
        matches!(*self.stage(), Some(Shown::Bar(_)))
    }

    /// Writes while no bar stands in the way.
    fn beside(&self, write: impl FnOnce()) {
        match &*self.stage() {
            Some(Shown::Bar(bar)) => bar.suspend(write),
            _ => write(),
        }
    }

    /// How far the stage is from the start.
    pub(crate) fn position(&self, done: usize) {
        match &mut *self.stage() {
            Some(Shown::Bar(bar)) => {
                bar.set_position(done as u64);
                // What an earlier process did says nothing of the speed.
                bar.reset_eta();
            }
            Some(Shown::Lines(lines)) => lines.position(done),
            None => {}
        }
    }
}

impl Progress for Bar {
    fn begin(&self, stage: &str, total: usize) {
        self.end();
        let name = shown(stage, LONGEST).into_owned();
        let log = Log::get();
        // Lines of events would run through a bar.
        let is_watched =
            log.form == LogForm::Human && log.verbose == 0 && std::io::stderr().is_terminal();
        *self.stage() = Some(if is_watched {
            Shown::Bar(bar(&name, total))
        } else {
            Shown::Lines(Lines::new(name, total))
        });
    }

    fn advance(&self, units: usize) {
        match &mut *self.stage() {
            Some(Shown::Bar(bar)) => bar.inc(units as u64),
            Some(Shown::Lines(lines)) => lines.advance(units, Log::get()),
            None => {}
        }
    }

    fn end(&self) {
        match self.stage().take() {
            Some(Shown::Bar(bar)) => bar.finish_and_clear(),
            Some(Shown::Lines(lines)) => lines.end(Log::get()),
            None => {}
        }
    }

    fn note(&self, line: &str) {
        self.beside(|| Log::get().note(&as_typed(line)));
    }
}

fn bar(name: &str, total: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    bar.set_style(style(FORM));
    let half = terminal_size::terminal_size().map_or(NAME, |(width, _)| usize::from(width.0) / 2);
    bar.set_prefix(name.chars().take(half).collect::<String>());
    bar
}

fn style(form: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(form);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ").with_key("left", left)
}

/// The time that is left; nothing until the first unit tells how fast it goes.
fn left(state: &ProgressState, out: &mut dyn Write) {
    if !state.eta().is_zero() {
        let _ = write!(out, " left {:#}", HumanDuration(state.eta()));
    }
}
