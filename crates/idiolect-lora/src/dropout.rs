//! The adapter as a training pass sees it: with dropout on the input of each update.
//!
//! A mask is a function of the pass's seed and the site alone, so a block that is computed again on the way
//! back draws what it drew. Scores, merges and generation never come here.

use burn::tensor::{DType, Device, Tensor, TensorData};
use idiolect_model::{Adapter, Projection, Site};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::LoraAdapter;
use crate::factors::narrow;

/// An adapter in one training pass.
pub(crate) struct Dropping<'a> {
    pub(crate) adapter: &'a LoraAdapter,
    pub(crate) seed: u64,
}

impl Adapter for Dropping<'_> {
    fn apply(&self, site: Site, x: &Tensor<3>, base_output: Tensor<3>) -> Tensor<3> {
        let share = self.adapter.config.dropout;
        match self.adapter.at(site) {
            Some(factors) if share > 0.0 => {
                let device = x.device().without_autodiff();
                let mask = mask((self.seed, site), share, x.dims(), &device);
                factors.output(x, base_output, Some(mask))
            }
            Some(factors) => factors.output(x, base_output, None),
            None => base_output,
        }
    }
}

/// Zeros with probability `share`, elsewhere `1 / (1 - share)` (Srivastava et al., JMLR 15, 2014).
fn mask((seed, site): (u64, Site), share: f64, shape: [usize; 3], device: &Device) -> Tensor<3> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream((site.layer * Projection::ALL.len() + site.projection as usize) as u64);
    let mut bytes = vec![0; shape.iter().product::<usize>() * 4];
    random.fill_bytes(&mut bytes);
    // Of the 2^32 numbers that can be drawn, those below this are dropped.
    let limit = share * 2f64.powi(32);
    let kept = narrow((1.0 - share).recip());
    let value = |bytes: &[u8; 4]| {
        if f64::from(u32::from_le_bytes(*bytes)) < limit {
            0.0
        } else {
            kept
        }
    };
    let values: Vec<f32> = bytes.as_chunks().0.iter().map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), (device, DType::F32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64, layer: usize, share: f64) -> Vec<f32> {
        let projection = Projection::Query;
        let site = Site { layer, projection };
        let mask = mask((seed, site), share, [2, 50, 100], &Device::flex());
        mask.into_data().iter::<f32>().collect()
    }

    #[test]
    fn a_mask_follows_seed_and_site_and_keeps_the_mean() {
        assert_eq!(drawn(1, 0, 0.1), drawn(1, 0, 0.1));
        assert_ne!(drawn(1, 0, 0.1), drawn(2, 0, 0.1));
        assert_ne!(drawn(1, 0, 0.1), drawn(1, 1, 0.1));
        for share in [0.1, 0.5] {
            let values = drawn(3, 0, share);
            let zeros = values.iter().filter(|x| **x == 0.0).count() as f64;
            assert!((zeros / 10_000.0 - share).abs() < 0.02, "{share}: {zeros}");
            let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / 10_000.0;
            assert!((mean - 1.0).abs() < 0.03, "{share}: {mean}");
        }
    }
}
