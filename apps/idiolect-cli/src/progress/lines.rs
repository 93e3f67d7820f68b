//! Progress as lines, where no terminal shows a bar: one every few seconds.

use std::time::{Duration, Instant};

use idiolect::input::seconds_text;
use serde_json::{Value, json};

use super::log::Log;

/// The stage that is under way.
pub(super) struct Lines {
    stage: String,
    total: usize,
    done: usize,
    /// Units that an earlier process did.
    before: usize,
    message: String,
    /// The numbers of the message by name.
    numbers: Value,
    began: Instant,
    told: Instant,
    /// Units that were done when the last line was told.
    told_done: Option<usize>,
}

impl Lines {
    pub(super) fn new(stage: String, total: usize) -> Self {
        let began = Instant::now();
        Self {
            stage,
            total,
            done: 0,
            before: 0,
            message: String::new(),
            numbers: Value::Null,
            began,
            told: began,
            told_done: None,
        }
    }

    /// What stands behind the next lines.
    pub(super) fn message(&mut self, text: String, numbers: Value) {
        (self.message, self.numbers) = (text, numbers);
    }

    /// Units that were done before.
    pub(super) fn position(&mut self, done: usize) {
        (self.done, self.before) = (done, done);
    }

    /// So many units more are done; a line where the last one is old enough.
    pub(super) fn advance(&mut self, units: usize, log: Log) {
        self.done += units;
        if log.every <= self.told.elapsed() {
            (self.told, self.told_done) = (Instant::now(), Some(self.done));
            self.tell(log);
        }
    }

    /// The stage is over: a last line where there were others, so that none ends in the middle.
    pub(super) fn end(self, log: Log) {
        if self.told_done.is_some_and(|told| told != self.done) {
            self.tell(log);
        }
    }

    /// The stage and how far it is.
    pub(super) fn reached(&self) -> String {
        match self.total {
            0 => format!("{} {}", self.stage, self.done),
            total => format!("{} {}/{total}", self.stage, self.done),
        }
    }

    fn tell(&self, log: Log) {
        let elapsed = self.began.elapsed();
        let left = self.left(elapsed);
        let left_in_words = left.map(|left| format!("{} left", seconds_text(left.as_secs())));
        let parts = [
            self.reached(),
            self.message.clone(),
            seconds_text(elapsed.as_secs()),
            left_in_words.unwrap_or_default(),
        ];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        log.tell(
            &parts.join(", "),
            &json!({
                "stage": self.stage, "done": self.done, "total": self.total, "message": self.message, "numbers": self.numbers,
                "seconds": elapsed.as_secs(), "left": left.map(|left| left.as_secs()),
            }),
        );
    }

    /// The time that the rest takes at the speed so far.
    fn left(&self, elapsed: Duration) -> Option<Duration> {
        let own = self.done.checked_sub(self.before).filter(|own| *own > 0)?;
        let rest = self.total.checked_sub(self.done).filter(|rest| *rest > 0)?;
        let seconds = elapsed.as_secs_f64() * rest as f64 / own as f64;
        Duration::try_from_secs_f64(seconds).ok()
    }
}
