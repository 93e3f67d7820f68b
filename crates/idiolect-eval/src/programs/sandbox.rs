//! Programs that a model wrote, run apart: a process of its own with no network, one small folder to write in,
//! and limits on time, memory, processes and files.
//!
//! It stands on Linux's namespaces and resource limits, through the programs `unshare`, `prlimit`, `setpriv`,
//! `mount` (util-linux) and `sh`; nothing here is `unsafe`.
//!
//! What it holds: no network but a loop of its own; every mount read-only but a new folder in memory of bounded
//! size; limits on processor and wall time, address space of a process, number of processes, size and number
//! of open files; nothing of the environment; when the first process ends, all of it ends.
//! What it does not hold: a program can read whatever the user can read, reach Unix sockets in the file system
//! that the user may write to, and use memory up to the limit times the number of processes.
//! It is no defence against faults of the kernel, and a program that looks for the verdict's word in its own
//! interpreter can forge it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::EvalError;

/// What a program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall time; processes that escape its clock have processor time of as many whole seconds and two more.
    /// Default: 3 seconds, as human-eval.
    pub time: Duration,
    /// Address space of each process in bytes. Default: 512 MiB.
    pub memory: u64,
    /// Processes and threads at one time. Default: 16.
    pub processes: u64,
    /// Bytes of all files together, and of each. Default: 16 MiB.
    pub files: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(3),
            memory: 512 << 20,
            processes: 16,
            files: 16 << 20,
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Its last line was reached.
    Passed,
    /// It raised, left early or was killed; with what it said.
    Failed(String),
    /// It was still running when its time was over.
    TimedOut,
}

/// Runs programs in Python.
#[derive(Debug, Clone)]
pub struct Sandbox {
    python: PathBuf,
    pub(crate) limits: Limits,
    /// Whether a user without rights is stood in for the caller, who is root.
    stand_in: bool,
}

/// What surrounds a program: the verdict's word comes in as the first line and leaves with the verdict.
const DRIVER: &str = include_str!("../../sandbox/driver.py");
/// Makes all mounts read-only but the working folder, then becomes the driver under its limits.
const ENTER: &str = include_str!("../../sandbox/enter.sh");
/// The user and group of no rights.
const NOBODY: &str = "65534";
/// Tells the moment when a program is looked after.
const PAUSE: Duration = Duration::from_millis(4);

impl Sandbox {
    /// A sandbox around `python`, which is a path or a name, tried once.
    ///
    /// Called by root, programs run as the user of no rights where that user can start `python`; where not,
    /// the number of processes is not bounded, since the system bounds none of root's.
    ///
    /// # Errors
    ///
    /// [`EvalError::Sandbox`] where the system does not allow what it stands on, or `python` does not start.
    pub fn new(python: &Path, limits: Limits) -> Result<Self, EvalError> {
        let mut sandbox = Self {
            python: interpreter(python)?,
            limits,
            stand_in: true,
        };
        let mut reason = String::new();
        for stand_in in [true, false] {
            sandbox.stand_in = stand_in;
            match sandbox.run("assert 1 + 1 == 2") {
                Ok(Ending::Passed) => return Ok(sandbox),
                Ok(other) => reason = format!("a sum ended as {other:?}"),
                Err(error) => reason = error.to_string(),
            }
        }
        Err(failed(reason))
    }

    /// Runs a program to its end or the limits.
    ///
    /// # Errors
    ///
    /// [`EvalError::Sandbox`] where the sandbox itself cannot be started.
    pub fn run(&self, program: &str) -> Result<Ending, EvalError> {
        let folder = tempfile::tempdir().map_err(failed)?;
        std::fs::create_dir(folder.path().join("work")).map_err(failed)?;
        for (name, text) in [("program.py", program), ("driver.py", DRIVER)] {
            std::fs::write(folder.path().join(name), text).map_err(failed)?;
        }
        open_to_all(folder.path())?;
        let word = word();
        let mut child = self.command(folder.path()).spawn().map_err(failed)?;
        if let Some(mut input) = child.stdin.take() {
            // A child that is gone already is told by its ending.
            let _ = writeln!(input, "{word}");
        }
        let ended = wait(&mut child, self.limits.time).map_err(failed)?;
        if !ended {
            return Ok(Ending::TimedOut);
        }
        let mut said = Vec::new();
        if let Some(output) = child.stdout.take() {
            output
                .take(1 << 16)
                .read_to_end(&mut said)
                .map_err(failed)?;
        }
        verdict(&String::from_utf8_lossy(&said), &word)
    }

    /// `[setpriv] unshare sh -c ENTER`, with the paths and limits as arguments.
    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(if self.stand_in && is_root() {
            "setpriv"
        } else {
            "unshare"
        });
        if self.stand_in && is_root() {
            command.args([
                "--reuid",
                NOBODY,
                "--regid",
                NOBODY,
                "--clear-groups",
                "unshare",
            ]);
        }
        let limits = &self.limits;
        // The clock ends a program first; this is for processes that escape it.
        let seconds = limits.time.as_secs_f64().ceil() + 2.0;
        command
            .args([
                "--map-root-user",
                "--net",
                "--mount",
                "--pid",
                "--ipc",
                "--uts",
            ])
            .args(["--fork", "--kill-child", "sh", "-c", ENTER, "sh"])
            .args([folder, &self.python])
            .args([limits.files, limits.memory, limits.processes].map(|limit| limit.to_string()))
            .arg(format!("{seconds:.0}"))
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command
    }
}

pub(crate) fn failed(reason: impl ToString) -> EvalError {
    EvalError::Sandbox {
        reason: reason.to_string(),
    }
}

/// The program behind a name: a wrapper script would not start without its environment.
fn interpreter(python: &Path) -> Result<PathBuf, EvalError> {
    let ask = ["-c", "import sys; print(sys.executable)"];
    let out = Command::new(python).args(ask).output();
    let out = out.map_err(|error| failed(format!("{}: {error}", python.display())))?;
    let path = PathBuf::from(String::from_utf8_lossy(&out.stdout).trim());
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(failed(format!("{} is no Python", python.display())))
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Lets the user of no rights into a folder that was made for one alone.
fn open_to_all(folder: &Path) -> Result<(), EvalError> {
    use std::os::unix::fs::PermissionsExt;
    let all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, all).map_err(failed)
}

/// A word that no program can know beforehand: hash maps draw their keys from the system's randomness.
fn word() -> String {
    let draw = |_| RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", draw(0), draw(1))
}

/// Waits for the end, and makes one when time is over; whether it came by itself.
fn wait(child: &mut Child, time: Duration) -> std::io::Result<bool> {
    let start = Instant::now();
    // Time to start is not the program's.
    let most = time.saturating_add(Duration::from_millis(500));
    loop {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        if most < start.elapsed() {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        std::thread::sleep(PAUSE);
    }
}

/// What the driver said behind the word; the entry says `entered` before, so that a sandbox that cannot be
/// made is told from a program that fails.
fn verdict(said: &str, word: &str) -> Result<Ending, EvalError> {
    let Some(said) = said.strip_prefix("entered\n") else {
        let expected = "namespaces, read-only mounts and limits (unshare, mount, prlimit)";
        return Err(failed(format!("this system does not give {expected}")));
    };
    let line = said.lines().rev().find_map(|line| line.strip_prefix(word));
    Ok(match line.map(str::trim) {
        Some("passed") => Ending::Passed,
        Some(text) => {
            let text = text.strip_prefix("failed:").unwrap_or(text);
            Ending::Failed(text.trim().to_owned())
        }
        None => Ending::Failed("ended without a verdict".to_owned()),
    })
}
