//! `cargo xtask gpu`: programs for CUDA, built, packed so that they can be carried, and run where there is a
//! GPU.
//!
//! Everything lies in `target/cuda`, so that the ordinary build stays as it is. What runs is `gpu/run.sh`, on
//! this machine as on another; its figures go into docs/PERFORMANCE.md by hand.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::shell;

mod archive;
mod built;
mod llvm;
mod ptx;
mod toolkit;

use built::{CUDA_VERSION, Programs, home, size};

/// Builds; packs too with `--pack`; runs too without an argument. With `--ptx` kernels alone are built.
pub(crate) fn run(arguments: &[&str]) -> shell::Outcome {
    let (packs, runs) = match arguments {
        ["--ptx"] => return ptx::check(&way()?),
        ["--build"] => (false, false),
        ["--pack"] => (true, false),
        [] => (true, true),
        other => {
            return Err(format!(
                "expected nothing, --build, --pack or --ptx, found {other:?}"
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
    let folder = archive::pack(&programs)?;
    if !runs {
        return Ok(());
    }
    if !has_gpu() {
        return Err(format!(
            "nvidia-smi finds no GPU here: unpack target/cuda/{} where there is one, and start run.sh",
            archive::NAME
        ));
    }
    shell::run(shell::program("sh", &[]).arg(folder.join("run.sh")))
}

fn build() -> shell::Outcome<Programs> {
    let way = way()?;
    let began = Instant::now();
    let mut cargo = shell::cargo(&["build", "--release", "--locked", "--workspace"]);
    // One feature set over the workspace: Burn is built once.
    cargo.args(["--bin", "idiolect", "--test", "parity"]);
    cargo.arg("--features=idiolect-cli/cuda,idiolect-tests/cuda");
    cargo.arg("--message-format=json-render-diagnostics");
    cargo.env("CARGO_TARGET_DIR", home());
    cargo.env("CUDARC_CUDA_VERSION", CUDA_VERSION);
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

fn way() -> shell::Outcome<llvm::Way> {
    let way = llvm::Way::find()?;
    println!("LLVM: {way}");
    Ok(way)
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
