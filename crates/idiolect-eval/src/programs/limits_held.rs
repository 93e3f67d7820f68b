//! Which limits of the sandbox hold on this machine: tried, and not read off its settings.

use std::os::unix::fs::PermissionsExt;

use serde::Serialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::error::EvalError;
use crate::programs::sandbox::{Ending, Limits, Sandbox};

/// Goes against every limit and says which of them held.
const PROBE: &str = include_str!("../../sandbox/probe.py");

/// Which limits hold on this machine, each tried by a program that goes against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an answer to its own question"
)]
pub struct LimitsHeld {
    /// Time, which the caller's own clock bounds everywhere.
    pub time: bool,
    /// The address space of a process.
    pub memory: bool,
    /// The number of processes.
    pub processes: bool,
    /// The size of files.
    pub files: bool,
    /// Other folders cannot be written to.
    pub folders: bool,
    /// Nothing of the caller's can be read, nor the system's settings.
    pub reading: bool,
    /// There is no way out over the network.
    pub network: bool,
}

impl LimitsHeld {
    /// The names of the limits, first those that hold, then those that do not.
    #[must_use]
    pub fn names(self) -> [Vec<&'static str>; 2] {
        let all = [
            ("time", self.time),
            ("memory", self.memory),
            ("processes", self.processes),
            ("files", self.files),
            ("folders", self.folders),
            ("reading", self.reading),
            ("network", self.network),
        ];
        [true, false].map(|wanted| {
            let found = all.iter().filter(|(_, held)| *held == wanted);
            found.map(|(name, _)| *name).collect()
        })
    }
}

impl Sandbox {
    /// Tries the limits, in one program.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub fn limits_held(&self) -> Result<LimitsHeld, EvalError> {
        let Limits {
            memory,
            processes,
            files,
            ..
        } = self.limits;
        let outside = open_to_all()?;
        // A text of JSON is one of Python too.
        let path = Value::from(outside.path().join("outside").to_string_lossy());
        let numbers =
            format!("MEMORY, PROCESSES, FILES, OUTSIDE = {memory}, {processes}, {files}, {path}\n");
        let said = match self.run(&(numbers + PROBE))? {
            Ending::Failed(said) => said,
            other => {
                return Err(EvalError::sandbox(format!(
                    "the limits could not be tried: {other:?}"
                )));
            }
        };
        let held = |name: &str| said.split(' ').any(|word| word == name);
        Ok(LimitsHeld {
            time: true,
            memory: held("memory"),
            processes: held("processes"),
            files: held("files"),
            folders: held("folders"),
            reading: held("reading"),
            network: held("network"),
        })
    }
}

/// A folder with a file `outside` that every user may read and write.
fn open_to_all() -> Result<TempDir, EvalError> {
    let folder = tempfile::tempdir().map_err(EvalError::sandbox)?;
    let file = folder.path().join("outside");
    std::fs::write(&file, "outside").map_err(EvalError::sandbox)?;
    for (path, mode) in [(file.as_path(), 0o666), (folder.path(), 0o777)] {
        let all = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, all).map_err(EvalError::sandbox)?;
    }
    Ok(folder)
}
