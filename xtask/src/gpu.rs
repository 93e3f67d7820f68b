//! `cargo xtask gpu`: programs for CUDA, built, packed so that they can be carried, and run where there is a
//! GPU.
//!
//! Everything lies in `target/cuda`, so that the ordinary build stays as it is. What runs is `gpu/run.sh`, on
//! this machine as on another; its figures go into docs/PERFORMANCE.md by hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::shell;

mod llvm;

const ARCHIVE: &str = "idiolect-gpu.tar.xz";
/// What an archive may weigh, so that it can be carried.
const MOST_BYTES: u64 = 60_000_000;
/// What the suite reads of the shared folder.
const ORACLES: [&str; 2] = ["oracles/tiny", "oracles/peft"];
/// What it reads of the workspace.
const GOLDEN: &str = "tests/golden";
/// Files of the workspace that travel along.
const SCRIPTS: [&str; 2] = ["xtask/src/gpu/run.sh", "tests/python/gpu_speed.py"];

/// The two programs.
struct Programs {
    idiolect: PathBuf,
    parity: PathBuf,
}

/// Builds; packs too with `--pack`; runs too without an argument.
pub(crate) fn run(arguments: &[&str]) -> shell::Outcome {
    let (packs, runs) = match arguments {
        ["--build"] => (false, false),
        ["--pack"] => (true, false),
        [] => (true, true),
        other => {
            return Err(format!(
                "expected nothing, --build or --pack, found {other:?}"
            ));
        }
    };
    if packs && shell::shared().is_none() {
        return Err("the shared oracles are absent".into());
    }
    let programs = build()?;
    if !packs {
        return Ok(());
    }
    let folder = pack(&programs)?;
    if !runs {
        return Ok(());
    }
    if !has_gpu() {
        return Err(format!(
            "nvidia-smi finds no GPU here: unpack target/cuda/{ARCHIVE} where there is one, and start run.sh"
        ));
    }
    shell::run(shell::program("sh", &[]).arg(folder.join("run.sh")))
}

fn home() -> PathBuf {
    shell::root().join("target/cuda")
}

fn build() -> shell::Outcome<Programs> {
    let way = llvm::Way::find()?;
    println!("LLVM: {way}");
    let began = Instant::now();
    let mut cargo = shell::cargo(&["build", "--release", "--locked", "--workspace"]);
    // One feature set over the workspace: Burn is built once.
    cargo.args(["--bin", "idiolect", "--test", "parity"]);
    cargo.arg("--features=idiolect-cli/cuda,idiolect-tests/cuda");
    cargo.arg("--message-format=json-render-diagnostics");
    cargo.env("CARGO_TARGET_DIR", home());
    way.prepare(&mut cargo, &home())?;
    let messages = shell::output(&mut cargo)?;
    let find = |name: &str| {
        let path = executables(&messages).find(|path| named(path, name));
        path.ok_or_else(|| format!("cargo built no {name}"))
    };
    let programs = Programs {
        idiolect: find("idiolect")?,
        parity: find("parity")?,
    };
    println!("built in {:.0} s:", began.elapsed().as_secs_f64());
    for path in [&programs.idiolect, &programs.parity] {
        println!("  {} ({} MB)", path.display(), size(path)? / 1_000_000);
    }
    Ok(programs)
}

/// The programs that cargo's messages name, one message a line.
fn executables(messages: &str) -> impl Iterator<Item = PathBuf> + '_ {
    let path = |line: &str| {
        let (_, rest) = line.split_once("\"executable\":\"")?;
        Some(PathBuf::from(rest.split_once('"')?.0))
    };
    messages.lines().filter_map(path)
}

/// Whether a file is the program `name`, with cargo's hash behind it or without.
fn named(path: &Path, name: &str) -> bool {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    file.split('-').next() == Some(name)
}

/// Leaves the archive in `target/cuda`, and returns the folder that it holds.
fn pack(programs: &Programs) -> shell::Outcome<PathBuf> {
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
    tar.args(["-cJf", ARCHIVE, "idiolect-gpu"]);
    tar.current_dir(home());
    tar.env("XZ_OPT", "-T1 --lzma2=preset=3,dict=256MiB");
    shell::run(&mut tar)?;
    let archive = home().join(ARCHIVE);
    let bytes = size(&archive)?;
    println!(
        "packed in {:.0} s: {} ({:.1} MB)",
        began.elapsed().as_secs_f64(),
        archive.display(),
        bytes as f64 / 1e6
    );
    if bytes > MOST_BYTES {
        return Err(format!(
            "{ARCHIVE}: expected at most {MOST_BYTES} bytes, found {bytes}"
        ));
    }
    Ok(())
}

fn size(path: &Path) -> shell::Outcome<u64> {
    let file = fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(file.len())
}

fn has_gpu() -> bool {
    let mut list = Command::new("nvidia-smi");
    let listed = list.arg("-L").stderr(Stdio::null()).output();
    listed.is_ok_and(|done| done.status.success() && !done.stdout.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_the_messages_of_cargo() {
        let messages = concat!(
            "{\"reason\":\"compiler-artifact\",\"executable\":null}\n",
            "{\"reason\":\"compiler-artifact\",\"executable\":\"/t/release/idiolect\",\"fresh\":true}\n",
            "{\"reason\":\"compiler-artifact\",\"executable\":\"/t/release/deps/parity-0a1b\"}\n",
        );
        let found: Vec<PathBuf> = executables(messages).collect();
        assert_eq!(found.len(), 2);
        assert!(named(&found[0], "idiolect") && named(&found[1], "parity"));
        assert!(!named(&found[1], "idiolect"));
    }
}
