//! `cargo xtask gpu --ptx`: the kernels of this workspace as PTX, and as the machine code that NVIDIA's assembler
//! makes of it. No GPU is needed.

use std::fs;
use std::path::Path;

use super::built::{CUDA_VERSION, home};
use super::llvm::Way;
use super::toolkit;
use crate::shell::{Outcome, TESTED, cargo, program, run};

/// Lowers every kernel, then assembles each text.
pub(super) fn check(way: &Way) -> Outcome {
    let (toolkit, texts) = (toolkit::folder()?, home().join("ptx"));
    if texts.exists() {
        fs::remove_dir_all(&texts).map_err(|e| format!("{}: {e}", texts.display()))?;
    }
    fs::create_dir_all(&texts).map_err(|e| format!("{}: {e}", texts.display()))?;
    let mut test = cargo(&["test", TESTED, "--locked", "--package", "idiolect-kernels"]);
    test.args(["--features=flex,ptx", "--lib", "ptx", "--", "--nocapture"]);
    test.env("CARGO_TARGET_DIR", home());
    test.env("CUDARC_CUDA_VERSION", CUDA_VERSION);
    test.env("CUDA_PATH", &toolkit);
    test.env("IDIOLECT_PTX", &texts);
    way.prepare(&mut test, &home())?;
    run(&mut test)?;
    assemble(&toolkit.join("bin/ptxas"), &texts)
}

fn assemble(assembler: &Path, texts: &Path) -> Outcome {
    let files = fs::read_dir(texts).map_err(|e| format!("{}: {e}", texts.display()))?;
    let mut count = 0;
    for file in files.filter_map(Result::ok) {
        let text = file.path();
        let target = text.file_stem().map(Path::new).and_then(Path::extension);
        let target = target.ok_or_else(|| format!("{}: expected a target", text.display()))?;
        let mut assembler = program(assembler, &["--gpu-name"]);
        assembler.arg(target).arg(&text);
        run(assembler
            .arg("--output-file")
            .arg(text.with_extension("cubin")))?;
        count += 1;
    }
    println!("{count} texts assembled");
    Ok(())
}
