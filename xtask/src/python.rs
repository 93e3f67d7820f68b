//! Virtual environments with what tasks need of Python, filled by pip.

use std::path::PathBuf;

use crate::shell::{Outcome, program, root, run};

/// An environment in a folder of the workspace, in which pip has installed what `wanted` says; its Python.
pub(crate) fn environment(folder: &str, wanted: &[&str]) -> Outcome<PathBuf> {
    let home = root().join(folder);
    let python = home.join("bin/python");
    if !python.is_file() {
        run(program("python3", &["-m", "venv"]).arg(&home))
            .map_err(|message| format!("{message} (on Debian: python3-venv)"))?;
    }
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    run(program(&python, &pip).args(wanted))?;
    Ok(python)
}
