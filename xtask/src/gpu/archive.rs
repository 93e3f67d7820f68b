//! The archive of the programs for CUDA, with what they read, so that they can be carried to a GPU.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::built::{Programs, home, size};
use super::toolkit;
use crate::shell;

/// The file, in `target/cuda`.
pub(super) const NAME: &str = "idiolect-gpu.tar.xz";
/// What an archive may weigh, so that it can be carried.
const MOST_BYTES: u64 = 60_000_000;
/// What the suite reads of the shared folder.
const ORACLES: [&str; 2] = ["oracles/tiny", "oracles/peft"];
/// What it reads of the workspace.
const GOLDEN: &str = "tests/golden";
/// Files of the workspace that travel along.
const SCRIPTS: [&str; 2] = ["xtask/src/gpu/run.sh", "tests/python/gpu_speed.py"];

/// Leaves the archive in `target/cuda`, and returns the folder that it holds.
pub(super) fn pack(programs: &Programs) -> shell::Outcome<PathBuf> {
    let Some(shared) = shell::shared() else {
        return Err("the shared oracles are absent".into());
    };
    let folder = home().join("idiolect-gpu");
    let io = |e: std::io::Error| format!("{}: {e}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(io)?;
    }
    for part in ["shared/oracles", "tests"] {
        fs::create_dir_all(folder.join(part)).map_err(io)?;
    }
    for (name, path) in [
        ("idiolect", &programs.idiolect),
        ("parity", &programs.parity),
    ] {
        let to = folder.join(name);
        fs::copy(path, &to).map_err(io)?;
        shell::run(Command::new("strip").arg(&to))?;
    }
    for script in SCRIPTS {
        let path = shell::root().join(script);
        let name = path.file_name().unwrap_or_default();
        fs::copy(&path, folder.join(name)).map_err(io)?;
    }
    for oracles in ORACLES {
        copy(&shared.join(oracles), &folder.join("shared/oracles"))?;
    }
    copy(&shell::root().join(GOLDEN), &folder.join("tests"))?;
    let math = folder.join(toolkit::MATH);
    fs::create_dir_all(math.parent().unwrap_or(&folder)).map_err(io)?;
    fs::copy(toolkit::folder()?.join(toolkit::MATH), &math).map_err(io)?;
    compress()?;
    Ok(folder)
}

/// Copies a folder with all that is in it into another.
fn copy(from: &Path, into: &Path) -> shell::Outcome {
    shell::run(Command::new("cp").arg("-rL").args([from, into]))
}

/// Both programs hold the same LLVM: a dictionary that spans them stores it once.
fn compress() -> shell::Outcome {
    let began = Instant::now();
    let mut tar = Command::new("tar");
    tar.args(["-cJf", NAME, "idiolect-gpu"]);
    tar.current_dir(home());
    tar.env("XZ_OPT", "-T1 --lzma2=preset=3,dict=256MiB");
    shell::run(&mut tar)?;
    let archive = home().join(NAME);
    let bytes = size(&archive)?;
    println!(
        "packed in {:.0} s: {} ({:.1} MB)",
        began.elapsed().as_secs_f64(),
        archive.display(),
        bytes as f64 / 1e6
    );
    if bytes > MOST_BYTES {
        return Err(format!(
            "{NAME}: expected at most {MOST_BYTES} bytes, found {bytes}"
        ));
    }
    Ok(())
}
