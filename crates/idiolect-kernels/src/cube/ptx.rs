//! Every kernel lowered to PTX by the compiler of Burn's CUDA backend, which needs LLVM and no GPU.
//!
//! `cargo xtask gpu --ptx` runs it, and has the texts left in the folder that `IDIOLECT_PTX` names.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use cubecl::ir::features::Features;
use cubecl::ir::nvidia::SmArch;
use cubecl::ir::{DeviceIdentity, FloatKind, HardwareProperties, MemoryDeviceProperties};
use cubecl::prelude::*;
use cubecl::profile::TimingMethod;
use cubecl::{Compiler, define_kernel};
use cubecl_llvm::nvptx::ptx_version::PtxVersion;
use cubecl_llvm::{LlvmTarget, NvptxModule, PlironArtifact, PlironCompiler, PlironOptions};

use super::cache::write_tokens::WriteTokens;
use super::norm::norm_rows::NormRows;
use super::norm::norm_rows_backward::NormRowsBackward;
use super::rotary::rotate_pairs::RotatePairs;
use super::row_loss::kernels::row_losses::RowLosses;
use super::row_loss::kernels::row_losses_and_gradients::RowLossesAndGradients;
use super::softmax::softmax_rows::SoftmaxRows;
use super::softmax::softmax_rows_backward::SoftmaxRowsBackward;

type Kernel = Box<dyn CubeKernel>;

/// A100 and H100.
const ARCHITECTURES: [u32; 2] = [80, 90];
/// The oldest driver that programs bind, CUDA 12.0: newer ones load its PTX too.
const DRIVER: i32 = 12_000;
const TYPES: [FloatKind; 3] = [FloatKind::F32, FloatKind::F16, FloatKind::BF16];
/// The most units of a cube.
const UNITS: u32 = 256;
/// What cubecl leaves out of a compilation: the values of numbers.
const NUMBER: () = ();

/// A kernel with its arguments, in the order of its function.
macro_rules! kernel {
    ($kernel:ident, $($argument:expr),*) => {
        Box::new($kernel::new(settings(), device(), Arc::default(), $($argument),*)) as Kernel
    };
}

#[test]
fn every_kernel_lowers_to_ptx() {
    let (mut lowered, mut failures) = (0, Vec::new());
    for architecture in ARCHITECTURES.map(|version| SmArch::new(version, true)) {
        for kernel in kernels() {
            match lower(kernel.as_ref(), architecture) {
                Ok(()) => lowered += 1,
                Err(failure) => failures.push(format!("{}: {failure}", kernel.name())),
            }
        }
    }
    println!("{lowered} kernels lowered, {} refused", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn kernels() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for of in TYPES.map(ElemType::Float) {
        kernels.extend(of_one_type(of));
        for beside in TYPES.map(ElemType::Float) {
            kernels.extend(of_two_types([of, beside]));
        }
    }
    kernels
}

/// What writes over its input has a form of its own.
fn of_one_type(of: ElemType) -> [Kernel; 8] {
    let t = tensor;
    let over = |input| argument(Some(input));
    [
        kernel!(SoftmaxRows, t(), t(), t(), NUMBER, UNITS, of),
        kernel!(SoftmaxRows, t(), t(), over(0), NUMBER, UNITS, of),
        kernel!(SoftmaxRowsBackward, t(), t(), t(), NUMBER, UNITS, of),
        kernel!(SoftmaxRowsBackward, t(), t(), over(1), NUMBER, UNITS, of),
        kernel!(RowLosses, t(), t(), t(), UNITS, of),
        kernel!(RowLossesAndGradients, t(), t(), t(), t(), NUMBER, UNITS, of),
        kernel!(
            RowLossesAndGradients,
            t(),
            t(),
            t(),
            over(0),
            NUMBER,
            UNITS,
            of
        ),
        kernel!(WriteTokens, t(), t(), t(), t(), t(), of),
    ]
}

fn of_two_types(of: [ElemType; 2]) -> [Kernel; 4] {
    let t = tensor;
    let over = argument(Some(0));
    [
        kernel!(NormRows, t(), t(), t(), NUMBER, UNITS, of),
        kernel!(NormRowsBackward, t(), t(), t(), t(), NUMBER, UNITS, of),
        kernel!(NormRowsBackward, t(), t(), t(), over, NUMBER, UNITS, of),
        kernel!(RotatePairs, t(), t(), t(), t(), NUMBER, of),
    ]
}

/// A tensor with memory of its own.
fn tensor() -> TensorCompilationArg {
    argument(None)
}

/// A tensor; `inplace` is the input whose memory it has.
fn argument(inplace: Option<usize>) -> TensorCompilationArg {
    TensorCompilationArg {
        meta: TensorMetaCompilationArg { len: (), rank: () },
        buffer: BufferCompilationArg { inplace },
    }
}

/// What a launch sets.
fn settings() -> KernelSettings {
    let units = CubeDim::new_1d(UNITS);
    KernelSettings::new(units.into(), ExecutionMode::Checked, AddressType::U32)
}

fn device() -> Arc<DeviceProperties> {
    let name = String::from("none");
    Arc::new(DeviceProperties::new(
        Features::default(),
        MemoryDeviceProperties::new(u64::MAX, 512),
        hardware(),
        TimingMethod::Device,
        DeviceIdentity {
            fingerprint: name.clone(),
            name,
            physical: None,
        },
    ))
}

fn hardware() -> HardwareProperties {
    HardwareProperties {
        load_width: 128,
        vector_register_count: None,
        plane_size_min: 32,
        plane_size_max: 32,
        max_bindings: 1024,
        max_shared_memory_size: 99 * 1024,
        max_cube_count: (i32::MAX as u32, 65_535, 65_535),
        max_units_per_cube: 1024,
        max_cube_dim: (1024, 1024, 64),
        num_streaming_multiprocessors: None,
        num_tensor_cores: Some(4),
        min_tensor_cores_dim: Some(8),
        num_cpu_cores: None,
        last_level_cache_size: None,
        max_vector_size: VectorSize::MAX,
        cube_mma_reserved_shared_memory: 0,
    }
}

fn lower(kernel: &dyn CubeKernel, architecture: SmArch) -> Result<(), String> {
    let mut compiler = PlironCompiler {
        target: LlvmTarget::Nvptx,
    };
    let definition = define_kernel(kernel).map_err(|e| format!("{e:?}"))?;
    let lowered = compiler.compile(definition, &options(architecture));
    let PlironArtifact::NvptxCode(module) = lowered.map_err(|e| format!("{e:?}"))? else {
        return Err("expected PTX".into());
    };
    check(&module, architecture)
}

/// The options of Burn's CUDA backend.
fn options(architecture: SmArch) -> PlironOptions {
    PlironOptions {
        sm_arch: Some(architecture),
        ptx_version: PtxVersion::for_driver(DRIVER),
        grid_constants: true,
        ..PlironOptions::default()
    }
}

fn check(module: &NvptxModule, architecture: SmArch) -> Result<(), String> {
    let bytes = module.ptx.iter().map(|byte| byte.to_ne_bytes()[0]);
    let text: Vec<u8> = bytes.take_while(|&byte| byte != 0).collect();
    let text = String::from_utf8(text).map_err(|e| e.to_string())?;
    let (name, target) = (&module.entrypoint, architecture.target_cpu());
    for part in [format!(".target {target}"), format!(".entry {name}(")] {
        if !text.contains(&part) {
            return Err(format!("expected {part}, found {text}"));
        }
    }
    let Some(folder) = std::env::var_os("IDIOLECT_PTX") else {
        return Ok(());
    };
    let file = Path::new(&folder).join(format!("{name}.{target}.ptx"));
    fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))
}
