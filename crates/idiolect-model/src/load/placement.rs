//! Where weights go, and in which type and order.

use burn::tensor::{Device, FloatDType};
use idiolect_kernels::is_gpu;

use crate::Bits;
use crate::floats::Order;

/// Where weights go.
#[derive(Clone, Copy)]
pub(super) struct Placement<'a> {
    pub(super) device: &'a Device,
    pub(super) dtype: FloatDType,
    pub(super) matrices: Matrices,
}

impl<'a> Placement<'a> {
    pub(super) fn new(device: &'a Device, dtype: FloatDType, matrices: Matrices) -> Self {
        Self {
            device,
            dtype,
            matrices,
        }
    }
}

/// What matrices are kept in.
#[derive(Clone, Copy)]
pub(super) enum Matrices {
    /// The type of the rest.
    Plain,
    /// Projections in so many bits, embedding and head in the type of the rest.
    Quantized(Bits),
    /// The blocks of their file where the device reads those, else as the rest.
    AsStored,
}

/// Whether values of a stored type become those of a matrix one by one: to f32 from every float, and to themselves.
pub(super) fn converts(stored: Option<&str>, to: FloatDType) -> bool {
    match to {
        FloatDType::F32 => matches!(stored, Some("F32" | "F16" | "BF16")),
        FloatDType::BF16 => stored == Some("BF16"),
        _ => false,
    }
}

/// How a tensor on disk becomes a matrix.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It stays as it is.
    None,
    /// Its values are put in the order of the transposed matrix.
    Values,
    /// The matrix is a view of it.
    View,
}

impl Placement<'_> {
    /// How a weight on disk, `[outputs, inputs]`, becomes one in memory.
    ///
    /// On a GPU it stays as it is on disk: `CubeCL` has a good kernel for a vector times a matrix whose columns lie whole in
    /// memory, and none for one whose rows do (`burn-cubecl` 0.22.1, `kernel/matmul/tune/base.rs`). Quantised ones are
    /// made of rows.
    pub(super) fn turn(&self) -> Turn {
        let quantises = matches!(self.matrices, Matrices::Quantized(_));
        if is_gpu(self.device) && !quantises {
            Turn::View
        } else {
            Turn::Values
        }
    }
}

/// The order of a matrix in memory and its shape there, from its shape on disk.
pub(super) fn arranged(shape: &[usize], turn: Turn) -> (Order, [usize; 2]) {
    let [rows, columns] = [shape.first(), shape.get(1)].map(|n| n.copied().unwrap_or(0));
    if turn == Turn::Values {
        (Order::Transposed(columns), [columns, rows])
    } else {
        (Order::Stored, [rows, columns])
    }
}
