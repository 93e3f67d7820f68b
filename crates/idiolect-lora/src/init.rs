//! How factors start: drawn at random, or cut out of the weight.

use burn::tensor::Tensor;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::error::wrong;
use crate::factors::{Values, narrow};
use crate::places::Place;
use crate::svd::{Decomposed, decompose};
use crate::{Init, LoraError};

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
        let rank = place.rank;
        let random = &mut self.random;
        let a: Vec<f32> = match self.init {
            Init::Pissa => return principal(weight, place),
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

/// `A = U sqrt(S / s)` and `B = sqrt(S / s) V^T` of the largest singular values, so that `s A B` is the part of
/// the weight that they make up (arXiv 2404.02948, equations 2 and 3, as PEFT scales them).
pub(crate) fn principal(weight: &Tensor<2>, place: &Place) -> Result<Values, LoraError> {
    let [input, output] = weight.dims();
    let rank = place.rank;
    if rank > input.min(output) {
        let expected = format!("at most {} at {}", input.min(output), place.site);
        return Err(wrong("rank", expected, rank));
    }
    if place.scale <= 0.0 {
        return Err(wrong("alpha", "above 0 with pissa", place.scale));
    }
    let values: Vec<f64> = weight
        .clone()
        .dequantize()
        .into_data()
        .iter::<f64>()
        .collect();
    let Decomposed {
        left,
        values,
        right,
    } = decompose(&values, [input, output]);
    let root = |k: usize| (values[k] / place.scale).sqrt();
    let along_a = (0..input).flat_map(|i| (0..rank).map(move |k| (i, k)));
    let along_b = (0..rank).flat_map(|k| (0..output).map(move |j| (k, j)));
    Ok(Values {
        a: along_a.map(|(i, k)| narrow(left[k][i] * root(k))).collect(),
        b: along_b
            .map(|(k, j)| narrow(right[k][j] * root(k)))
            .collect(),
        input,
        rank,
        output,
    })
}
