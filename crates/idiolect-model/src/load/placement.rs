//! Where weights go, and in which type and order.

use burn::tensor::{Device, FloatDType};

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

/// The order of a matrix in memory and its shape there, from its shape on disk.
pub(super) fn arranged(shape: &[usize], transpose: bool) -> (Order, [usize; 2]) {
    let [rows, columns] = [shape.first(), shape.get(1)].map(|n| n.copied().unwrap_or(0));
    if transpose {
        (Order::Transposed(columns), [columns, rows])
    } else {
        (Order::Stored, [rows, columns])
    }
}
