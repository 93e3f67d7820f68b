//! What launches share: the number of cubes, tensors in order, and new tensors.

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::{DType, Shape};
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::ir::ElemType;
use cubecl::prelude::*;
use cubecl::server::CubeCountSelection;

/// The most units of a cube: every GPU has as many.
const MOST_UNITS: usize = 256;

/// The units of a cube for a row of `width` values: a power of two.
pub(super) fn units(x: &CubeTensor, width: usize) -> u32 {
    let most = x.client.properties().hardware.max_cube_dim.0 as usize;
    let most = most.min(MOST_UNITS);
    let most = 1 << most.ilog2();
    let units = width.next_power_of_two().min(most);
    u32::try_from(units).unwrap_or(1)
}

/// At least `cubes` cubes, on as many axes as a device needs for them.
pub(super) fn cubes(x: &CubeTensor, cubes: usize) -> CubeCount {
    let cubes = u32::try_from(cubes).unwrap_or(u32::MAX);
    CubeCountSelection::new(&x.client, cubes).cube_count()
}

/// A tensor without values yet, on the device of another.
pub(super) fn empty(like: &CubeTensor, shape: Shape, dtype: DType) -> CubeTensor {
    let (client, device) = (like.client.clone(), like.device.clone());
    empty_device_contiguous_dtype(client, device, shape, dtype)
}

/// The type of a kernel's values.
pub(super) fn element(x: &CubeTensor) -> ElemType {
    dtype_to_storage_type(x.dtype())
}

/// The result's memory: that of `x` where nothing else owns it.
pub(super) fn output_of(x: &CubeTensor) -> Output {
    if x.can_mut() && x.is_nonoverlapping() {
        return Output {
            tensor: x.clone(),
            is_input: true,
        };
    }
    Output {
        tensor: empty(x, x.shape(), x.dtype()),
        is_input: false,
    }
}

/// Where a kernel writes.
pub(super) struct Output {
    pub(super) tensor: CubeTensor,
    is_input: bool,
}

impl Output {
    /// The kernel's argument; `input` is which of its tensors has the memory where that is shared.
    pub(super) fn argument(&self, input: usize) -> TensorArg {
        if self.is_input {
            return self.tensor.as_tensor_alias(input);
        }
        self.tensor.clone().into_tensor_arg()
    }
}
