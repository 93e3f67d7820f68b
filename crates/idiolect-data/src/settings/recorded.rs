//! A job's settings and sessions beside its results, where the results' own files decide whether a process may resume
//! in that folder.
//!
//! A folder that is new, or that was begun with the same settings, is known to be the job's: `run.toml` and the
//! session are written at once. In another one a changed setting may be refused, so that they are written when the
//! job has come to its end.

use std::io::ErrorKind;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::job::command_of;
use super::keys::keys;
use super::renamed::renamed;
use super::{read_file, to_toml};
use crate::DataError;
use crate::files::{RunDir, RunSession, require_folder, write_atomically};

/// Refuses a folder whose `run.toml` has a setting that jobs of type `T` do not have: it is that of another command. So
/// is a place where a file is in the way.
///
/// # Errors
///
/// [`DataError::AnotherJob`]; [`DataError::NoFile`]; as [`read_file`] for a file that is no settings.
pub fn same_job<T: JsonSchema>(run: &RunDir) -> Result<(), DataError> {
    require_folder(&run.root)?;
    let path = run.run_toml();
    if !path.is_file() {
        return Ok(());
    }
    let known = keys::<T>();
    let found: Vec<String> = read_file(&path)?
        .values
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    let is_foreign = |key: &&String| !known.contains(key) && renamed(key).is_none();
    let Some(key) = found.iter().find(is_foreign) else {
        return Ok(());
    };
    let own = command_of(&known).map_or("the same command".to_owned(), |own| {
        format!("idiolect {own}")
    });
    let other = command_of(&found).map(|other| format!("one of idiolect {other}"));
    Err(DataError::AnotherJob {
        path,
        expected: format!("a run of {own}, or another run directory"),
        found: other.unwrap_or_else(|| format!("the setting {key} of another command")),
    })
}

/// A process at work for a job in a folder.
#[derive(Debug)]
pub struct RecordedRun {
    run: RunDir,
    text: String,
    device: String,
    session: Option<RunSession>,
}

impl RecordedRun {
    /// Notes that this process begins, or resumes, a job of these settings.
    ///
    /// # Errors
    ///
    /// As [`same_job`], [`to_toml`] and [`RunSession::begin`]; [`DataError::Io`] where the folder cannot be read or
    /// written.
    pub fn begin<T: Serialize + JsonSchema>(
        run: &RunDir,
        settings: &T,
        device: &str,
    ) -> Result<Self, DataError> {
        same_job::<T>(run)?;
        let mut recorded = Self {
            run: run.clone(),
            text: to_toml(settings)?,
            device: device.to_owned(),
            session: None,
        };
        if recorded.is_new()? {
            let root = &run.root;
            std::fs::create_dir_all(root).map_err(io(root, "make"))?;
            recorded.write()?;
        }
        if recorded.is_known()? {
            recorded.session = Some(RunSession::begin(run, device)?);
        }
        Ok(recorded)
    }

    /// Notes that the job has come to its end.
    ///
    /// # Errors
    ///
    /// As [`Self::begin`].
    pub fn end(mut self) -> Result<(), DataError> {
        if self.session.is_none() {
            self.write()?;
        }
        let session = self.session.take();
        session
            .map_or_else(|| RunSession::begin(&self.run, &self.device), Ok)?
            .end()
    }

    /// Whether nothing is in the folder yet.
    fn is_new(&self) -> Result<bool, DataError> {
        match std::fs::read_dir(&self.run.root) {
            Ok(mut entries) => Ok(entries.next().is_none()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            Err(error) => Err(io(&self.run.root, "read")(error)),
        }
    }

    /// Whether the folder was begun with these settings.
    fn is_known(&self) -> Result<bool, DataError> {
        let path = self.run.run_toml();
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text == self.text),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) if error.kind() == ErrorKind::InvalidData => Ok(false),
            Err(error) => Err(io(&path, "read")(error)),
        }
    }

    fn write(&self) -> Result<(), DataError> {
        write_atomically(&self.run.run_toml(), |out| {
            out.write_all(self.text.as_bytes())
        })
    }
}

fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Io {
        path,
        action,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Journal, SessionRow};

    #[derive(Serialize, JsonSchema)]
    struct Training {
        rank: usize,
    }

    #[derive(Serialize, JsonSchema)]
    struct Writing {
        attempts: usize,
    }

    fn sessions(run: &RunDir) -> usize {
        Journal::open::<SessionRow>(&run.sessions())
            .unwrap()
            .1
            .len()
    }

    #[test]
    fn a_new_folder_is_noted_at_once_and_another_jobs_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path().join("job"));
        let begin = |rank: usize| RecordedRun::begin(&run, &Training { rank }, "cpu").unwrap();
        drop(begin(8));
        let text = || std::fs::read_to_string(run.run_toml()).unwrap();
        assert_eq!((text().as_str(), sessions(&run)), ("rank = 8\n", 1));
        begin(8).end().unwrap();
        assert_eq!(sessions(&run), 3);
        // What the job may yet refuse leaves no mark.
        drop(begin(9));
        assert_eq!((text().as_str(), sessions(&run)), ("rank = 8\n", 3));
        begin(9).end().unwrap();
        assert_eq!((text().as_str(), sessions(&run)), ("rank = 9\n", 5));
    }

    #[test]
    fn a_folder_of_another_command_is_refused_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        RecordedRun::begin(&run, &Training { rank: 8 }, "cpu")
            .unwrap()
            .end()
            .unwrap();
        let error = RecordedRun::begin(&run, &Writing { attempts: 1 }, "cpu").unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("a run of the same command") && error.contains("rank"),
            "{error}"
        );
        assert_eq!(
            std::fs::read_to_string(run.run_toml()).unwrap(),
            "rank = 8\n"
        );
        assert_eq!(sessions(&run), 2);
    }
}
