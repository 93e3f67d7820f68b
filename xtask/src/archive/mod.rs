//! `cargo xtask archive`: the program for the CPU, small, with its manual pages, completions and licences in one file of
//! `target/archive`; `--table` says which crates its bytes are of.
//!
//! The profile is `dist` of `Cargo.toml`. `--features cuda`, and programs for other systems, are built by the same
//! command where their tools are installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::shell::{self, Outcome};

mod bytes;
mod third_party;

/// The most bytes of the program for the CPU.
const MOST_BYTES: u64 = 35_000_000;
/// Shells with completions, and the ending of their files.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "idiolect.bash"),
    ("zsh", "_idiolect"),
    ("fish", "idiolect.fish"),
];
/// What lies beside the program as it does in the repository.
const BESIDE: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Builds and packs; with `--table` builds with symbols, and prints the table.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    match arguments {
        [] => pack(&build(None, true)?, None),
        ["--features", features] => pack(&build(Some(features), true)?, Some(features)),
        ["--table"] => bytes::table(&build(None, false)?),
        other => Err(format!(
            "expected nothing, --features NAMES or --table, found {other:?}"
        )),
    }
}

/// Builds the program; without its symbols unless they are wanted.
fn build(features: Option<&str>, strips: bool) -> Outcome<PathBuf> {
    let began = Instant::now();
    let mut cargo = shell::cargo(&["build", "--profile", "dist", "--locked"]);
    cargo.args(["--package", "idiolect-cli"]);
    cargo.args(
        features
            .iter()
            .flat_map(|features| ["--features", features]),
    );
    if !strips {
        cargo.env("CARGO_PROFILE_DIST_STRIP", "none");
    }
    shell::run(&mut cargo)?;
    let name = format!("idiolect{}", std::env::consts::EXE_SUFFIX);
    let program = shell::root().join("target/dist").join(name);
    println!("built in {:.0} s", began.elapsed().as_secs_f64());
    Ok(program)
}

/// Lays everything into a folder, and packs that.
fn pack(program: &Path, features: Option<&str>) -> Outcome {
    let bytes = size(program)?;
    println!("{}: {:.1} MB", program.display(), megabytes(bytes));
    if features.is_none() && bytes > MOST_BYTES {
        return Err(format!(
            "{}: expected at most {MOST_BYTES} bytes, found {bytes}",
            program.display()
        ));
    }
    let name = name(features)?;
    let home = shell::root().join("target/archive");
    let folder = home.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|e| io(&folder, e))?;
    }
    fs::create_dir_all(folder.join("completions")).map_err(|e| io(&folder, e))?;
    copy(program, &folder)?;
    for file in BESIDE {
        copy(&shell::root().join(file), &folder)?;
    }
    let man = folder.join("man");
    shell::run(Command::new(program).args(["man", "--out"]).arg(&man))?;
    for (shell, file) in SHELLS {
        let text = shell::output(Command::new(program).args(["completions", shell]))?;
        write(&folder.join("completions").join(file), &text)?;
    }
    write(
        &folder.join("THIRD-PARTY.txt"),
        &third_party::text(features)?,
    )?;
    let archive = format!("{name}.tar.gz");
    let mut tar = Command::new("tar");
    // One content, one archive, whoever packs it.
    tar.args([
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mtime=@0",
    ]);
    tar.args(["-I", "gzip -9n", "-cf", &archive, &name]);
    shell::run(tar.current_dir(&home))?;
    let archive = home.join(archive);
    let packed = megabytes(size(&archive)?);
    println!("{}: {packed:.1} MB", archive.display());
    Ok(())
}

/// Version, system and features.
fn name(features: Option<&str>) -> Outcome<String> {
    let host = shell::output(Command::new("rustc").arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc names no host")?;
    let features = features.map(|names| format!("-{}", names.replace(',', "-")));
    let version = env!("CARGO_PKG_VERSION");
    Ok(format!(
        "idiolect-{version}-{host}{}",
        features.unwrap_or_default()
    ))
}

fn copy(file: &Path, folder: &Path) -> Outcome {
    let name = file.file_name().unwrap_or_default();
    fs::copy(file, folder.join(name)).map_err(|e| io(file, e))?;
    Ok(())
}

fn write(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|e| io(path, e))
}

fn size(path: &Path) -> Outcome<u64> {
    Ok(fs::metadata(path).map_err(|e| io(path, e))?.len())
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn io(path: &Path, error: std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
