//! Which LLVM a build for CUDA links.
//!
//! Burn's CUDA runtime (cubecl 0.11) turns kernels into PTX with LLVM. The build script of its dependency
//! `tracel-llvm-bundler` downloads one from GitHub unless it is installed where that script looks. Where GitHub
//! is out of reach, Debian's LLVM is laid out there by links; it is an older one than the bundle's.

use std::fmt;
use std::fs;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::shell::{Outcome, root, run};

const DEBIAN: &str = "/usr/lib/llvm-22";
const DEBIAN_Z3: &str = "/usr/lib/x86_64-linux-gnu/libz3.so";
/// Libraries without which the last link fails.
const DEBIAN_NEEDS: [&str; 3] = [
    "/usr/lib/llvm-22/lib/libLLVMCore.a",
    "/usr/lib/llvm-22/lib/libPolly.a",
    DEBIAN_Z3,
];
const INSTALL: &str = "apt-get install -y --no-install-recommends llvm-22-dev libpolly-22-dev libz3-dev \
    libzstd-dev zlib1g-dev libxml2-dev libffi-dev libncurses-dev";
/// The file that says that a bundle is whole.
const INSTALLED: &str = ".tracel-llvm-installed";
const PATIENCE: Duration = Duration::from_secs(3);

/// Where the LLVM comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The bundle is installed already.
    Bundle(PathBuf),
    /// The build downloads the bundle.
    Download,
    /// Debian's, by links in the place of this version of the bundle.
    Debian(String),
}

impl fmt::Display for Way {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle(path) => write!(to, "the bundle in {}", path.display()),
            Self::Download => write!(to, "the bundle, downloaded from GitHub by the build"),
            Self::Debian(version) => {
                write!(to, "Debian's in {DEBIAN}, in place of the bundle {version}")
            }
        }
    }
}

impl Way {
    /// The first way that is open.
    pub(super) fn find() -> Outcome<Self> {
        let lock = root().join("Cargo.lock");
        let text = fs::read_to_string(&lock).map_err(|e| format!("{}: {e}", lock.display()))?;
        let version = locked(&text, "tracel-llvm-bundler")
            .ok_or("Cargo.lock names no tracel-llvm-bundler")?;
        let installed = data().map(|data| place(&data, version));
        if let Some(bundle) = installed.filter(|path| path.join(INSTALLED).exists()) {
            return Ok(Self::Bundle(bundle));
        }
        if reaches("github.com:443") {
            return Ok(Self::Download);
        }
        if DEBIAN_NEEDS.iter().all(|path| Path::new(path).exists()) {
            return Ok(Self::Debian(version.to_owned()));
        }
        Err(format!(
            "no LLVM: GitHub, which has the bundle {version}, is out of reach; on Debian: {INSTALL}"
        ))
    }

    /// Makes the links that a way needs below `home`, and tells the build of them.
    pub(super) fn prepare(&self, cargo: &mut Command, home: &Path) -> Outcome {
        let Self::Debian(version) = self else {
            return Ok(());
        };
        let (data, libraries) = (home.join("llvm/data"), home.join("llvm/libs"));
        let bundle = place(&data, version);
        for folder in [&bundle, &libraries] {
            fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        let parts = fs::read_dir(DEBIAN).map_err(|e| format!("{DEBIAN}: {e}"))?;
        for part in parts.filter_map(Result::ok) {
            link(&part.path(), &bundle.join(part.file_name()))?;
        }
        // The bundle's build script makes `-llibz3` of this library's path.
        link(Path::new(DEBIAN_Z3), &libraries.join("liblibz3.so"))?;
        let installed = bundle.join(INSTALLED);
        if !installed.exists() {
            fs::write(&installed, "").map_err(|e| format!("{}: {e}", installed.display()))?;
        }
        cargo.env("XDG_DATA_HOME", data);
        cargo.env("LIBRARY_PATH", libraries);
        Ok(())
    }
}

/// The version of a package in the text of a `Cargo.lock`.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(rest.split_once('"')?.0)
}

/// Where the bundle's build script looks, below the user's folder of data.
fn place(data: &Path, version: &str) -> PathBuf {
    data.join("tracel").join(format!("tracel-llvm-{version}"))
}

fn data() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let named = named.filter(|path| path.is_absolute());
    named.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")))
}

fn reaches(host: &str) -> bool {
    let connects = |address| TcpStream::connect_timeout(&address, PATIENCE).is_ok();
    host.to_socket_addrs()
        .is_ok_and(|mut addresses| addresses.any(connects))
}

fn link(from: &Path, to: &Path) -> Outcome {
    run(Command::new("ln").arg("-sfn").args([from, to]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_locked_one() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1\"\n\n[[package]]\nname = \"b\"\nversion = \"2-4\"\n";
        assert_eq!(locked(lock, "b"), Some("2-4"));
        assert_eq!(locked(lock, "c"), None);
    }
}
