//! How factors start: drawn at random, or cut out of the weight.

mod svd;

use std::fmt::Display;

use burn::tensor::Tensor;
use idiolect_kernels::dequantize;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::error::wrong;
use crate::factors::{Values, narrow};
use crate::places::{Place, Size};
use crate::{Init, LoraError};
use svd::{Decomposed, decompose, dot};

/// Makes the factors of one site after another.
pub(crate) struct Start {
    init: Init,
    random: ChaCha8Rng,
}

impl Start {
    pub(crate) fn new(init: Init, seed: u64) -> Self {
        Self {
            init,
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Factors for a weight `[in, out]`.
    pub(crate) fn values(
        &mut self,
        weight: &Tensor<2>,
        place: &Place,
    ) -> Result<Values, LoraError> {
        let [input, output] = weight.dims();
        let rank = place.size.rank;
        let random = &mut self.random;
        let a: Vec<f32> = match self.init {
            of @ (Init::Pissa | Init::Olora) => {
                return of_weight(of, weight, place.size, &place.site);
            }
            Init::Kaiming => {
                let bound = (input as f32).sqrt().recip();
                let draw = |_| random.random_range(-bound..bound);
                (0..input * rank).map(draw).collect()
            }
            Init::Gaussian => {
                let deviation = (rank as f64).recip();
                let draw = |_| narrow(normal(random) * deviation);
                (0..input * rank).map(draw).collect()
            }
        };
        Ok(Values {
            a,
            b: vec![0.0; rank * output],
            input,
            rank,
            output,
        })
    }
}

/// A number of the standard normal distribution (Box and Muller, Ann. Math. Statist. 29, 1958).
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let radius: f64 = random.random_range(f64::MIN_POSITIVE..1.0);
    let angle: f64 = random.random_range(0.0..std::f64::consts::TAU);
    (-2.0 * radius.ln()).sqrt() * angle.cos()
}

/// The factors that a start cuts out of a weight `[in, out]`; `at` is where, for the error.
pub(crate) fn of_weight(
    init: Init,
    weight: &Tensor<2>,
    size: Size,
    at: &dyn Display,
) -> Result<Values, LoraError> {
    let [input, output] = weight.dims();
    if size.rank > input.min(output) {
        let expected = format!("at most {} at {at}", input.min(output));
        return Err(wrong("rank", expected, size.rank));
    }
    if init == Init::Pissa && size.scale <= 0.0 {
        return Err(wrong("alpha", "above 0 with pissa", size.scale));
    }
    let data = dequantize(weight.clone()).into_data();
    let values: Vec<f64> = data.iter::<f64>().collect();
    if init == Init::Pissa {
        return Ok(principal(&values, [input, output], size));
    }
    let expected = format!("a weight with {} independent first rows at {at}", size.rank);
    orthonormal(&values, [input, output], size.rank)
        .ok_or_else(|| wrong("init", expected, "olora on dependent ones"))
}

/// `A = U sqrt(S / s)` and `B = sqrt(S / s) V^T` of the largest singular values, so that `s A B` is the part of
/// the weight that they make up (arXiv 2404.02948, equations 2 and 3, as PEFT scales them).
fn principal(values: &[f64], [input, output]: [usize; 2], size: Size) -> Values {
    let rank = size.rank;
    let Decomposed {
        left,
        values,
        right,
    } = decompose(values, [input, output]);
    let root = |k: usize| (values[k] / size.scale).sqrt();
    let along_a = (0..input).flat_map(|i| (0..rank).map(move |k| (i, k)));
    let along_b = (0..rank).flat_map(|k| (0..output).map(move |j| (k, j)));
    Values {
        a: along_a.map(|(i, k)| narrow(left[k][i] * root(k))).collect(),
        b: along_b
            .map(|(k, j)| narrow(right[k][j] * root(k)))
            .collect(),
        input,
        rank,
        output,
    }
}

/// `B = Q^T` and `A = W Q`, with `Q` an orthonormal basis of the first `rank` rows of the weight `[in, out]`: the
/// first columns of `Q` and rows of `R` in the QR decomposition of its transpose (arXiv 2406.01775, algorithm 1).
/// By Gram and Schmidt, twice over, in f64; none where the rows depend on each other.
fn orthonormal(values: &[f64], [input, output]: [usize; 2], rank: usize) -> Option<Values> {
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(rank);
    for row in values.chunks_exact(output).take(rank) {
        let mut rest = row.to_vec();
        for q in basis.iter().chain(&basis) {
            let along = dot(&rest, q);
            rest.iter_mut().zip(q).for_each(|(x, q)| *x -= along * q);
        }
        let length = dot(&rest, &rest).sqrt();
        if length <= 1e-12 * dot(row, row).sqrt() {
            return None;
        }
        basis.push(rest.iter().map(|x| x / length).collect());
    }
    let rows = values.chunks_exact(output);
    let a = rows.flat_map(|row| {
        basis
            .iter()
            .map(|q| narrow(dot(row, q)))
            .collect::<Vec<_>>()
    });
    Some(Values {
        a: a.collect(),
        b: basis.iter().flatten().map(|x| narrow(*x)).collect(),
        input,
        rank,
        output,
    })
}
