//! Vectors of f32 whose width is chosen when the program runs, and the exponential on them.
//!
//! Loops take slices of any length; the last vector is filled up with zeros and stored in part.

pub(super) mod bf16;
pub(super) mod lanes;
mod piece;

use pulp::Simd;

/// Elements of a task: enough to be worth a task of the thread pool, few enough for a core's cache.
pub(super) const TASK: usize = 1 << 14;

/// `e^x` within a unit in the last place for `-87.3 <= x <= 88`; 0 below, `e^88` above, NaN kept.
///
/// Range reduction and polynomial are those of Cephes' `expf` (S. Moshier).
#[inline(always)]
#[allow(clippy::excessive_precision, clippy::unreadable_literal)] // as published
pub(super) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    const POLYNOMIAL: [f32; 5] = [
        1.3981999507e-3,
        8.3334519073e-3,
        4.1665795894e-2,
        1.6666665459e-1,
        5.0000001201e-1,
    ];
    // The second operand wins where either is NaN.
    let capped = simd.min_f32s(simd.splat_f32s(88.0), x);
    // 1.5 * 2^23: adding it rounds to a whole number, which then sits in the low bits.
    let shifter = simd.splat_f32s(12_582_912.0);
    let shifted = simd.mul_add_e_f32s(capped, simd.splat_f32s(std::f32::consts::LOG2_E), shifter);
    let whole = simd.sub_f32s(shifted, shifter);
    let r = simd.mul_add_e_f32s(whole, simd.splat_f32s(-0.693359375), capped);
    let r = simd.mul_add_e_f32s(whole, simd.splat_f32s(2.12194440e-4), r);
    let mut p = simd.splat_f32s(1.9875691500e-4);
    for c in POLYNOMIAL {
        p = simd.mul_add_e_f32s(p, r, simd.splat_f32s(c));
    }
    let p = simd.mul_add_e_f32s(simd.mul_f32s(r, r), p, r);
    let bits = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let power = simd.transmute_f32s_u32s(simd.add_u32s(bits, simd.splat_u32s(127 << 23)));
    let low = simd.less_than_f32s(x, simd.splat_f32s(-87.3));
    // `e^r - 1` is small beside 1: added last, its rounding is lost in the only one that counts.
    simd.select_f32s(
        low,
        simd.splat_f32s(0.0),
        simd.mul_add_e_f32s(p, power, power),
    )
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(super) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

/// `out[i] = f(out[i], a[i])`.
#[inline(always)]
pub(super) fn update<S: Simd>(
    simd: S,
    out: &mut [f32],
    a: &[f32],
    f: impl Fn(S::f32s, S::f32s) -> S::f32s,
) {
    let (out, out_tail) = S::as_mut_simd_f32s(out);
    let (a, a_tail) = S::as_simd_f32s(a);
    for (out, a) in out.iter_mut().zip(a) {
        *out = f(*out, *a);
    }
    if !out_tail.is_empty() {
        let value = f(
            simd.partial_load_f32s(out_tail),
            simd.partial_load_f32s(a_tail),
        );
        simd.partial_store_f32s(out_tail, value);
    }
}

/// `out[i] += factors[j] rows[j][i]`, one row after the other.
#[inline(always)]
pub(super) fn add_scaled<S: Simd, const N: usize>(
    simd: S,
    out: &mut [f32],
    factors: [f32; N],
    rows: [&[f32]; N],
) {
    let mut splat = [simd.splat_f32s(0.0); N];
    let mut whole: [&[S::f32s]; N] = [&[]; N];
    let mut tails: [&[f32]; N] = [&[]; N];
    for j in 0..N {
        splat[j] = simd.splat_f32s(factors[j]);
        (whole[j], tails[j]) = S::as_simd_f32s(rows[j]);
    }
    let (out, out_tail) = S::as_mut_simd_f32s(out);
    for (i, out) in out.iter_mut().enumerate() {
        let mut sum = *out;
        for j in 0..N {
            sum = simd.mul_add_e_f32s(splat[j], whole[j][i], sum);
        }
        *out = sum;
    }
    if !out_tail.is_empty() {
        let mut sum = simd.partial_load_f32s(out_tail);
        for j in 0..N {
            sum = simd.mul_add_e_f32s(splat[j], simd.partial_load_f32s(tails[j]), sum);
        }
        simd.partial_store_f32s(out_tail, sum);
    }
}

/// `sum of a[i] rows[j][i]` for each row.
#[inline(always)]
pub(super) fn dots<S: Simd, const N: usize>(simd: S, a: &[f32], rows: [&[f32]; N]) -> [f32; N] {
    let mut whole: [&[S::f32s]; N] = [&[]; N];
    let mut tails: [&[f32]; N] = [&[]; N];
    for j in 0..N {
        (whole[j], tails[j]) = S::as_simd_f32s(&rows[j][..a.len()]);
    }
    let (a, a_tail) = S::as_simd_f32s(a);
    let mut sums = [simd.splat_f32s(0.0); N];
    for (i, a) in a.iter().enumerate() {
        for j in 0..N {
            sums[j] = simd.mul_add_e_f32s(*a, whole[j][i], sums[j]);
        }
    }
    if !a_tail.is_empty() {
        let a = simd.partial_load_f32s(a_tail);
        for j in 0..N {
            sums[j] = simd.mul_add_e_f32s(a, simd.partial_load_f32s(tails[j]), sums[j]);
        }
    }
    let mut found = [0.0; N];
    for j in 0..N {
        found[j] = simd.reduce_sum_f32s(sums[j]);
    }
    found
}

/// `out[i] = f(a[i], b[i])`.
#[inline(always)]
pub(super) fn combine<S: Simd>(
    simd: S,
    out: &mut [f32],
    [a, b]: [&[f32]; 2],
    f: impl Fn(S::f32s, S::f32s) -> S::f32s,
) {
    let (out, out_tail) = S::as_mut_simd_f32s(out);
    let (a, a_tail) = S::as_simd_f32s(a);
    let (b, b_tail) = S::as_simd_f32s(b);
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = f(*a, *b);
    }
    if !out_tail.is_empty() {
        let value = f(
            simd.partial_load_f32s(a_tail),
            simd.partial_load_f32s(b_tail),
        );
        simd.partial_store_f32s(out_tail, value);
    }
}

/// `sum of f(a[i], b[i])`, where `f(0, 0)` is 0.
#[inline(always)]
pub(super) fn sum<S: Simd>(
    simd: S,
    a: &[f32],
    b: &[f32],
    f: impl Fn(S::f32s, S::f32s) -> S::f32s,
) -> f32 {
    let (a, a_tail) = S::as_simd_f32s(a);
    let (b, b_tail) = S::as_simd_f32s(b);
    let (a, a_rest) = a.as_chunks::<4>();
    let (b, b_rest) = b.as_chunks::<4>();
    let mut sums = [simd.splat_f32s(0.0); 4];
    for (a, b) in a.iter().zip(b) {
        for i in 0..4 {
            sums[i] = simd.add_f32s(sums[i], f(a[i], b[i]));
        }
    }
    for (a, b) in a_rest.iter().zip(b_rest) {
        sums[0] = simd.add_f32s(sums[0], f(*a, *b));
    }
    if !a_tail.is_empty() {
        let tail = f(
            simd.partial_load_f32s(a_tail),
            simd.partial_load_f32s(b_tail),
        );
        sums[1] = simd.add_f32s(sums[1], tail);
    }
    let [a, b, c, d] = sums;
    simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)))
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    struct Exp<'a>(&'a [f32], &'a mut [f32]);

    impl WithSimd for Exp<'_> {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            combine(simd, self.1, [self.0, self.0], |x, _| exp(simd, x));
        }
    }

    fn compute(x: &[f32]) -> Vec<f32> {
        let mut y = vec![0.0; x.len()];
        Arch::new().dispatch(Exp(x, &mut y));
        y
    }

    #[test]
    #[allow(clippy::cast_possible_truncation)]
    fn exponential_is_exact_to_a_unit_in_the_last_place() {
        let x: Vec<f32> = (0..1_752_001).map(|i| -87.2 + i as f32 * 1e-4).collect();
        for (x, y) in x.iter().zip(compute(&x)) {
            let exact = f64::from(*x).exp();
            assert!(
                (f64::from(y) - exact).abs() <= exact * 1.2e-7,
                "exp({x}) = {y}, not {exact}"
            );
        }
    }

    #[test]
    fn exponential_ends_in_zero_and_keeps_nan() {
        let y = compute(&[f32::NEG_INFINITY, -1e30, -88.0, 0.0, f32::NAN]);
        assert_eq!(y[..4], [0.0, 0.0, 0.0, 1.0]);
        assert!(y[4].is_nan());
    }
}
