//! When, where and how long processes worked on a run: `sessions.jsonl`.
//!
//! A run that was killed and resumed has several sessions. Clock and machine stand here, and in `timings.jsonl`,
//! alone: the other files of a run are the same on every machine.

use std::time::Instant;

use chrono::{SecondsFormat, Utc};
use idiolect_input::counted;
use serde::{Deserialize, Serialize};

use super::{Journal, RunDir};
use crate::DataError;

/// A row of `sessions.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionRow {
    /// A process began, or resumed, the run.
    Began {
        /// Day and time in UTC, as `2025-01-31T12:00:00Z`.
        at: String,
        /// Version of Idiolect.
        version: String,
        /// Processor, its threads, and the system.
        machine: String,
        /// Where it computes, as `--device` names it.
        device: String,
    },
    /// It came to the end of the run, or of its part of it; a process that was killed has no such row.
    Ended {
        /// Wall time since it began, in seconds.
        seconds: f64,
    },
}

/// A process at work on a run.
#[derive(Debug)]
pub struct RunSession {
    journal: Journal,
    began: Instant,
}

impl RunSession {
    /// Notes that this process begins, or resumes, a run.
    ///
    /// # Errors
    ///
    /// [`DataError`] where the file is in use, is damaged or cannot be written.
    pub fn begin(run: &RunDir, device: &str) -> Result<Self, DataError> {
        let (mut journal, _) = Journal::open::<SessionRow>(&run.sessions())?;
        journal.append(&SessionRow::Began {
            at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            machine: machine(),
            device: device.to_owned(),
        })?;
        let began = Instant::now();
        Ok(Self { journal, began })
    }

    /// Notes that it has ended.
    ///
    /// # Errors
    ///
    /// [`DataError::Io`] where that cannot be written.
    pub fn end(mut self) -> Result<(), DataError> {
        let seconds = self.began.elapsed().as_secs_f64();
        // To the millisecond: more digits would say nothing.
        let seconds = (seconds * 1e3).round() / 1e3;
        self.journal.append(&SessionRow::Ended { seconds })
    }
}

/// This machine in words: processor, threads, system.
#[must_use]
pub fn machine() -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = counted(threads, "thread", "threads");
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    match processor() {
        Some(name) => format!("{name}, {threads}, {system}"),
        None => format!("{threads}, {system}"),
    }
}

/// The processor's name, where Linux tells it.
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_has_a_beginning_and_an_end_unless_it_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        RunSession::begin(&run, "cpu").unwrap().end().unwrap();
        drop(RunSession::begin(&run, "cuda:1").unwrap());
        let (_, rows) = Journal::open::<SessionRow>(&run.sessions()).unwrap();
        let [
            SessionRow::Began { at, .. },
            SessionRow::Ended { seconds },
            SessionRow::Began { device, .. },
        ] = rows.as_slice()
        else {
            panic!("{rows:?}");
        };
        assert!(chrono::DateTime::parse_from_rfc3339(at).is_ok() && at.ends_with('Z'));
        assert!((0.0..60.0).contains(seconds) && device == "cuda:1");
    }
}
