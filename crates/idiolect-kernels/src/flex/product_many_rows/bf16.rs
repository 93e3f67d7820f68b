//! The product of many rows in bf16 with a frozen weight in bf16, where the processor multiplies bf16: `VDPBF16PS` of
//! AVX-512 adds two products to a sum in f32, so that it computes twice as many as in f32.
//!
//! A sum goes over all inputs before it is rounded, once, to bf16. Its order depends on the inputs alone.
//!
//! Numbers below 2^-126 count as 0, which the instruction demands.

mod pack;
mod tile;

use std::arch::x86_64::__cpuid_count;
use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;
use std::sync::LazyLock;

use burn::tensor::bf16;
use bytemuck::{try_cast_slice, zeroed_vec};
use half::slice::HalfFloatSliceExt;
use multiversion::{multiversion, target::match_target};
use pulp::core_arch::x86::Avx512f;
use rayon::prelude::*;

use self::pack::{EMPTY, Panel, Row, WIDE, pack};
use self::tile::{Band, ROWS, multiply};
use super::bands::{MOST_VALUES, band};
use crate::flex::product_few_rows::Form;

/// What is compiled for the instruction.
struct Kernel {
    pack: fn(Panel<'_>),
    multiply: fn(Band<'_>),
    avx: Avx512f,
}

/// That of this processor, where it multiplies bf16.
///
/// Intel's with AMX do no more products a second with this instruction than in f32
/// (docs/decisions/0046-products-of-bf16.md).
static KERNEL: LazyLock<Option<Kernel>> = LazyLock::new(|| {
    if has_amx() {
        None
    } else {
        kernel(Avx512f::try_new()?)
    }
});

thread_local! {
    /// Memory of a packed weight, kept from one product to the next.
    static PACKED: Cell<Vec<Row>> = const { Cell::new(Vec::new()) };
}

#[multiversion(targets("x86_64+avx512bf16"))]
#[allow(
    clippy::unnecessary_wraps,
    reason = "of the two that are compiled, one has none"
)]
fn kernel(avx: Avx512f) -> Option<Kernel> {
    match_target! {
        "x86_64+avx512bf16" => Some(Kernel { pack, multiply, avx }),
        _ => {
            let _ = avx;
            None
        }
    }
}

fn has_amx() -> bool {
    /// The bit of AMX-BF16 in EDX of leaf 7.
    const AMX_BF16: u32 = 1 << 22;
    __cpuid_count(0, 0).eax >= 7 && __cpuid_count(7, 0).edx & AMX_BF16 != 0
}

/// `x w`, row after row; `None` where the processor has no products of bf16.
///
/// # Shapes
///
/// - `x`: `[rows, inputs]`
/// - `weight`: `[inputs, outputs]`
/// - result: `[rows, outputs]`
pub(crate) fn times(x: &[bf16], weight: &[bf16], form: Form) -> Option<Vec<bf16>> {
    let kernel = KERNEL.as_ref()?;
    let Form {
        inputs, outputs, ..
    } = form;
    let rows = x.len() / inputs.max(1);
    let mut y: Vec<bf16> = zeroed_vec(rows * outputs);
    if y.is_empty() {
        return Some(y);
    }
    let x = in_pairs(x.reinterpret_cast(), inputs);
    let mut packed = PACKED.take();
    let wide = (MOST_VALUES / inputs / WIDE).max(1) * WIDE;
    for start in (0..outputs).step_by(wide) {
        let outputs = start..outputs.min(start + wide);
        kernel.pack(&mut packed, weight.reinterpret_cast(), form, outputs);
        kernel.multiply(Band {
            y: y.reinterpret_cast_mut(),
            outputs: form.outputs,
            x: &x,
            packed: &packed,
            pairs: inputs.div_ceil(2),
            start,
        });
    }
    PACKED.set(packed);
    Some(y)
}

impl Kernel {
    /// Writes some outputs of a weight to `packed`, on all threads.
    fn pack(&self, packed: &mut Vec<Row>, weight: &[u16], form: Form, outputs: Range<usize>) {
        let pairs = form.inputs.div_ceil(2);
        packed.resize(outputs.len().div_ceil(WIDE) * pairs, EMPTY);
        let panels = packed.par_chunks_exact_mut(pairs);
        let starts = outputs.clone().into_par_iter().step_by(WIDE);
        panels.zip(starts).for_each(|(rows, start)| {
            (self.pack)(Panel {
                rows,
                weight,
                form,
                outputs: start..outputs.end.min(start + WIDE),
                avx: self.avx,
            });
        });
    }

    /// Multiplies all rows of a product with a packed weight, on all threads.
    fn multiply(&self, rows: Band<'_>) {
        let Band { outputs, pairs, .. } = rows;
        let band = band(rows.y.len() / outputs, ROWS);
        let parts = rows.y.par_chunks_mut(band * outputs);
        parts
            .zip(rows.x.par_chunks(band * pairs))
            .for_each(|(y, x)| (self.multiply)(Band { y, x, ..rows }));
    }
}

/// Two neighbouring inputs in each number, the first in its lower half; an odd last one beside 0.
fn in_pairs(x: &[u16], inputs: usize) -> Cow<'_, [u32]> {
    if inputs.is_multiple_of(2)
        && let Ok(pairs) = try_cast_slice(x)
    {
        return Cow::Borrowed(pairs);
    }
    let of_row = |row: &[u16]| row.chunks(2).map(pair).collect::<Vec<_>>();
    Cow::Owned(x.chunks_exact(inputs).flat_map(of_row).collect())
}

fn pair(values: &[u16]) -> u32 {
    let upper = values.get(1).copied().unwrap_or_default();
    u32::from(values[0]) | u32::from(upper) << 16
}
