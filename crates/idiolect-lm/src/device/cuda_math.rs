//! The part of a CUDA toolkit that kernels from LLVM are linked with: exponentials, logarithms, sines.
//!
//! `CubeCL` 0.11 links it as it compiles such a kernel, in the middle of a run; here its absence is told before one begins.
//! Where it looks is that of `cubecl-llvm` 0.11.3, `nvptx/libdevice.rs`. Kernels from NVRTC do not need it.

use std::ffi::OsString;
use std::path::Path;

use crate::LmError;

const FILE: &str = "nvvm/libdevice/libdevice.10.bc";
/// Where it is looked for without `CUDA_PATH`.
const ROOTS: [&str; 4] = ["/usr/local/cuda", "/opt/cuda", "/usr/lib/cuda", "/usr"];

/// Refuses a device of CUDA on a machine without the file.
///
/// # Errors
///
/// [`LmError::Setting`] says where it was looked for.
pub(super) fn require(name: &str) -> Result<(), LmError> {
    search(name, std::env::var_os("CUDA_PATH"), &ROOTS.map(Path::new))
}

fn search(name: &str, chosen: Option<OsString>, roots: &[&Path]) -> Result<(), LmError> {
    let has_folder = |root: &&&Path| root.join("nvvm/libdevice").is_dir();
    let root = match &chosen {
        Some(chosen) => Some(Path::new(chosen)),
        None => roots.iter().find(has_folder).copied(),
    };
    if root.is_some_and(|root| root.join(FILE).is_file()) {
        return Ok(());
    }
    let looked = match root {
        Some(root) => root.display().to_string(),
        None => roots
            .iter()
            .map(|root| root.display().to_string())
            .collect::<Vec<_>>()
            .join(", "),
    };
    let expected = format!(
        "{FILE} of a CUDA toolkit, which CUDA_PATH names (pip install nvidia-cuda-nvcc-cu12 has it too, in nvidia/cuda_nvcc)"
    );
    Err(LmError::setting(
        "device",
        expected,
        format!("{name}, and no such file in {looked}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_for_where_it_is_linked_from() {
        let place = tempfile::tempdir().unwrap();
        let [bare, whole] = ["bare", "whole"].map(|name| place.path().join(name));
        std::fs::create_dir_all(bare.join("nvvm/libdevice")).unwrap();
        std::fs::create_dir_all(whole.join("nvvm/libdevice")).unwrap();
        std::fs::write(whole.join(FILE), "").unwrap();
        let found = |chosen: Option<&Path>, roots: &[&Path]| {
            search(
                "cuda",
                chosen.map(|path| path.as_os_str().to_owned()),
                roots,
            )
        };
        assert!(found(Some(whole.as_path()), &[]).is_ok());
        assert!(found(None, &[Path::new("/none"), &whole]).is_ok());
        // The first root that looks like a toolkit counts, and a path that is named counts alone.
        assert!(found(None, &[&bare, &whole]).is_err());
        let error = found(Some(bare.as_path()), &[&whole])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("device: expected nvvm/libdevice/libdevice.10.bc of"),
            "{error}"
        );
        assert!(error.contains(&bare.display().to_string()), "{error}");
        let error = found(None, &[Path::new("/none")]).unwrap_err().to_string();
        assert!(error.ends_with("no such file in /none"), "{error}");
    }
}
