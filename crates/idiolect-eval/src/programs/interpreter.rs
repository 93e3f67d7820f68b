//! The Python that runs programs, and what of the system it needs to do so.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::error::EvalError;

/// Says which folders a Python needs.
const NEEDS: &str = include_str!("../../sandbox/needs.py");
/// Names the program behind a Python: a wrapper script would not start without its environment, and the program
/// of a virtual environment is that of the Python below it.
const PROGRAM: &str = "import os, sys; \
    print(os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable))";
/// What programs see of the system, where it is there: shared objects, time zones and devices that hold nothing.
const SYSTEM: [&str; 16] = [
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libx32",
    "/usr/share/zoneinfo",
    "/nix/store",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
];

/// A Python and its files.
#[derive(Debug, Clone)]
pub(crate) struct Interpreter {
    /// The program itself, an absolute path.
    pub(crate) program: PathBuf,
    /// All that it needs to run, itself among it; none lies in another one.
    pub(crate) needs: Vec<PathBuf>,
}

impl Interpreter {
    /// Asks `python`, a path or a name, what it is.
    pub(crate) fn find(python: &Path) -> Result<Self, EvalError> {
        let program = PathBuf::from(said(python, &["-c", PROGRAM])?.trim());
        if !program.is_absolute() {
            return Err(EvalError::sandbox(format!(
                "{} is no Python",
                python.display()
            )));
        }
        let needs = said(&program, &["-I", "-S", "-c", NEEDS])?;
        let own = needs.lines().map(Path::new);
        let all = own.chain(SYSTEM.map(Path::new)).chain([program.as_path()]);
        Ok(Self {
            needs: outermost(all.filter(|path| path.exists()))?,
            program,
        })
    }
}

fn said(python: &Path, arguments: &[&str]) -> Result<String, EvalError> {
    let wrong = |reason: String| EvalError::sandbox(format!("{}: {reason}", python.display()));
    let output = Command::new(python).args(arguments).output();
    let Output { status, stdout, .. } = output.map_err(|error| wrong(error.to_string()))?;
    if status.success() {
        String::from_utf8(stdout).map_err(|error| wrong(error.to_string()))
    } else {
        Err(wrong(status.to_string()))
    }
}

/// Paths without those that lie in another; the root of the system is refused, for it is everything.
fn outermost<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<Vec<PathBuf>, EvalError> {
    let mut sorted: Vec<&Path> = paths.collect();
    sorted.sort_unstable();
    let mut kept: Vec<PathBuf> = Vec::new();
    for path in sorted {
        if path == Path::new("/") || !path.is_absolute() {
            let found = path.display();
            return Err(EvalError::sandbox(format!(
                "Python needs all of {found:?} to run"
            )));
        }
        // Sorted by their parts, so that a folder stands before all that it holds.
        if !kept.last().is_some_and(|last| path.starts_with(last)) {
            kept.push(path.to_owned());
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_in_others_are_left_out_and_the_root_is_refused() {
        let found = |paths: &[&str]| outermost(paths.iter().map(Path::new));
        let kept = found(&["/lib-x", "/lib/a", "/usr/lib/python3", "/lib", "/usr/lib"]).unwrap();
        let kept: Vec<_> = kept.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(kept, ["/lib", "/lib-x", "/usr/lib"]);
        assert!(found(&["/", "/lib"]).is_err() && found(&["lib"]).is_err());
    }

    #[test]
    fn what_is_no_python_is_refused() {
        for name in ["/bin/true", "idiolect-no-such-program"] {
            let error = Interpreter::find(Path::new(name)).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
