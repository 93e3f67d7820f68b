//! The parts of NVIDIA's CUDA toolkit that kernels from LLVM need, from a Python package: `libdevice.10.bc`, which has
//! exponentials and logarithms, and the assembler `ptxas`.

use std::path::{Path, PathBuf};

use crate::shell::{Outcome, output, program};

const PACKAGE: &str = "nvidia-cuda-nvcc-cu12==12.9.86";
/// The file that is linked into kernels, on the machine that runs them.
pub(super) const MATH: &str = "nvvm/libdevice/libdevice.10.bc";

/// The folder of the toolkit, as far as kernels need it.
pub(super) fn folder() -> Outcome<PathBuf> {
    let python = crate::python::environment("target/cuda/python", &[PACKAGE])?;
    let place = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let packages = output(&mut program(python, &["-c", place]))?;
    Ok(Path::new(packages.trim()).join("nvidia/cuda_nvcc"))
}
