//! Stored floats as f32, each of them finite: the one place where weights of files become numbers.

mod arrange;

use std::path::Path;

use half::vec::HalfBitsVecExt;
use half::{bf16, f16};
use idiolect_kernels::{Half, NotFinite, not_finite, not_finite_halves};
use rayon::prelude::*;
use safetensors::Dtype;

pub use self::arrange::transposed;
use self::arrange::{converted, transposed_as};
use crate::ModelError;

/// Bytes that a task looks through.
const CHECKED: usize = 1 << 17;

/// Types of floats that are read.
const READABLE: &str = "F32, F16, BF16";

/// Why stored values cannot be used.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum FloatProblem {
    /// They are of a type that is not a float of at most 32 bits.
    Type(Dtype),
    /// One of them is NaN or infinite.
    NotFinite(NotFinite),
}

impl FloatProblem {
    /// What can be used.
    #[must_use]
    pub fn expected(&self) -> &'static str {
        match self {
            Self::Type(_) => READABLE,
            Self::NotFinite(_) => "finite values",
        }
    }

    /// What is there.
    #[must_use]
    pub fn found(&self) -> String {
        match self {
            Self::Type(dtype) => format!("{dtype:?}"),
            Self::NotFinite(found) => found.to_string(),
        }
    }

    /// The error of a tensor of a file.
    pub(crate) fn in_tensor(self, path: &Path, tensor: &str) -> ModelError {
        match self {
            Self::Type(_) => ModelError::Stored {
                path: path.into(),
                tensor: tensor.into(),
                found: self.found(),
                readable: READABLE,
            },
            Self::NotFinite(_) => {
                let what = format!("tensor {tensor}");
                ModelError::corrupt(path, what, self.expected(), self.found())
            }
        }
    }
}

/// Little-endian floats as f32.
///
/// # Errors
///
/// [`FloatProblem`] for a type that is not a float of at most 32 bits, and for a value that is NaN or infinite.
pub fn finite_floats(bytes: &[u8], dtype: Dtype) -> Result<Vec<f32>, FloatProblem> {
    require_finite(bytes, dtype)?;
    widened(bytes, dtype, Order::Stored).ok_or(FloatProblem::Type(dtype))
}

/// Refuses little-endian floats of which one is NaN or infinite, or that are of a type that is not a float of at most 32
/// bits.
pub(crate) fn require_finite(bytes: &[u8], dtype: Dtype) -> Result<(), FloatProblem> {
    let find = |bytes: &[u8]| match dtype {
        Dtype::F16 => not_finite_halves(bytes, Half::F16),
        Dtype::BF16 => not_finite_halves(bytes, Half::Bf16),
        _ => not_finite(&own_floats(bytes)),
    };
    let width = match dtype {
        Dtype::F16 | Dtype::BF16 => 2,
        Dtype::F32 => 4,
        _ => return Err(FloatProblem::Type(dtype)),
    };
    let tasks = bytes.par_chunks(CHECKED).enumerate();
    let first = tasks.find_map_first(|(task, bytes)| {
        let found = find(bytes)?;
        let place = task * CHECKED / width + found.place;
        Some(NotFinite { place, ..found })
    });
    first.map_or(Ok(()), |found| Err(FloatProblem::NotFinite(found)))
}

fn own_floats(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks().0.iter();
    values.map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// The order of the values of a matrix.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// As they are stored.
    Stored,
    /// As in the transpose of a row-major matrix of so many columns.
    Transposed(usize),
}

impl Order {
    /// Stored values in this order, each converted.
    fn of<A, B>(self, values: &[A], convert: impl Fn(A) -> B + Sync) -> Vec<B>
    where
        A: Copy + Default + Sync,
        B: Copy + Default + Send,
    {
        match self {
            Self::Stored => converted(values, convert),
            Self::Transposed(columns) => transposed_as(values, columns, convert),
        }
    }
}

/// The first value that f16 would make infinite.
pub(crate) fn beyond_f16(values: &[f32]) -> Option<f32> {
    values.iter().copied().find(|value| value.abs() >= 65_520.0)
}

/// Little-endian floats as f32, unchecked; `None` for a type that is not a float of at most 32 bits.
pub(crate) fn widened(bytes: &[u8], dtype: Dtype, order: Order) -> Option<Vec<f32>> {
    let halves = || bytes.as_chunks().0;
    match dtype {
        Dtype::F32 => Some(order.of(bytes.as_chunks().0, f32::from_le_bytes)),
        Dtype::F16 => Some(order.of(halves(), |bits| f16::from_le_bytes(bits).to_f32())),
        // The upper half of an f32.
        Dtype::BF16 => Some(order.of(halves(), |[low, high]| {
            f32::from_le_bytes([0, 0, low, high])
        })),
        _ => None,
    }
}

/// Little-endian floats of bf16 as they are, unchecked.
pub(crate) fn of_bf16(bytes: &[u8], order: Order) -> Vec<bf16> {
    let bits = order.of(bytes.as_chunks().0, u16::from_le_bytes);
    bits.reinterpret_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In bytes of more than one task, the first of two values that are not finite is named.
    #[test]
    fn the_first_of_values_in_several_tasks_is_named() {
        let mut values = vec![1.0_f32; 3 * CHECKED / 4];
        let (first, second) = (CHECKED / 2 + 3, CHECKED / 2 + 700);
        (values[first], values[second]) = (f32::INFINITY, f32::NAN);
        let wide: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let narrow = values.iter().map(|value| bf16::from_f32(*value));
        let narrow: Vec<u8> = narrow.flat_map(bf16::to_le_bytes).collect();
        let halves = values.iter().map(|value| f16::from_f32(*value));
        let halves: Vec<u8> = halves.flat_map(f16::to_le_bytes).collect();
        let all = [
            (wide, Dtype::F32),
            (narrow, Dtype::BF16),
            (halves, Dtype::F16),
        ];
        for (bytes, dtype) in all {
            let found = finite_floats(&bytes, dtype).map_err(|problem| problem.found());
            let expected = format!("inf at place {first}");
            assert_eq!(found.err(), Some(expected), "{dtype:?}");
        }
    }
}
