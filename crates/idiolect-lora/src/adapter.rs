//! The adapter itself: factors at some sites of a decoder, applied in activation space.
//!
//! A training pass sees it with dropout on the input of each update. A mask is a function of the pass's seed
//! and the site alone, so a block that is computed again in the backward draws what it drew. Scores, merges
//! and generation know no dropout.
//! Burn's own `apply_lora` composes the dense weight at every use; it serves as the oracle of a test here.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use idiolect_kernels::Dropout;
use idiolect_model::{Adapter, Decoder, Projection, Site, Wrapper};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::error::wrong;
use crate::factors::Factors;
use crate::places::{Place, Places};
use crate::{LoraConfig, LoraError, WholeModules, init};

/// A low-rank adapter of a decoder; a Burn module whose parameters are all there is to train.
#[derive(Module, Debug)]
pub struct LoraAdapter {
    /// Factors of each site, in the order of [`LoraAdapter::sites`].
    pub factors: Vec<Factors>,
    /// What trains whole beside them; see [`LoraAdapter::decoder`].
    pub whole: WholeModules,
    /// Sites with an update, sorted.
    #[module(skip)]
    pub sites: Vec<Site>,
    /// Rank, scale and targets.
    #[module(skip)]
    pub config: LoraConfig,
    /// Paths of embedding and head whose change PEFT keeps as factors or as rows of some tokens. They stand whole
    /// in `whole`, so that the adapter can be applied and merged, but not trained on or written.
    #[module(skip)]
    pub folded: Vec<String>,
    /// What the model stands in: it decides how the adapter's files name its modules.
    #[module(skip)]
    pub wrapper: Wrapper,
}

impl LoraAdapter {
    /// An adapter that changes nothing yet, drawn as [`LoraConfig::init`] says.
    ///
    /// Draws come from a seeded stream of their own, so the values differ from `PyTorch`'s.
    /// Give `device.autodiff()` for an adapter that will be trained.
    ///
    /// # Errors
    ///
    /// [`LoraError::Setting`] as for [`LoraConfig::check`], for targets, blocks or whole modules that the
    /// model does not have, and for a rank above the sides of a weight that is to be decomposed.
    pub fn new(
        config: &LoraConfig,
        decoder: &Decoder,
        seed: u64,
        device: &Device,
    ) -> Result<Self, LoraError> {
        let places = Places::new(config, &decoder.config)?.trained()?;
        let mut start = init::Start::new(config.init, seed);
        let one = |place: &Place| {
            let weight = weight(decoder, place.site);
            let values = start.values(&weight, place)?;
            let [a, b] = values.tensors(device);
            let mut factors = Factors::new(a.clone(), b.clone(), place.size.scale);
            if config.lora_bias {
                factors = factors.with_bias(vec![0.0; b.dims()[1]], device);
            }
            if config.init.is_of_weight() {
                factors.frozen.origin = Some([a.without_autodiff(), b.without_autodiff()]);
            }
            Ok(if config.dora {
                factors.with_magnitude(weight, None)
            } else {
                factors
            })
        };
        Ok(Self {
            factors: places.iter().map(one).collect::<Result<_, _>>()?,
            whole: WholeModules::new(config, decoder, device)?,
            sites: places.iter().map(|place| place.site).collect(),
            config: config.clone(),
            folded: Vec::new(),
            wrapper: decoder.config.wrapper,
        })
    }

    /// The factors at `site`, if it has any.
    #[must_use]
    pub fn at(&self, site: Site) -> Option<&Factors> {
        self.sites
            .binary_search(&site)
            .ok()
            .and_then(|i| self.factors.get(i))
    }

    /// Refuses an adapter that has [`LoraAdapter::folded`] modules.
    ///
    /// # Errors
    ///
    /// [`LoraError::Setting`] names them.
    pub fn refuse_folded(&self) -> Result<(), LoraError> {
        if self.folded.is_empty() {
            return Ok(());
        }
        let expected = "updates of projections alone: others can be applied and merged only";
        Err(wrong("target_modules", expected, self.folded.join(", ")))
    }

    /// The lowest block that a gradient must reach: nothing below it trains.
    #[must_use]
    pub fn lowest_layer(&self) -> usize {
        let sites = self.sites.first().map_or(0, |site| site.layer);
        self.whole
            .lowest_layer()
            .map_or(sites, |whole| whole.min(sites))
    }

    /// The decoder with the modules that this adapter trained whole in the place of its own; every other
    /// weight is the base model's, in the same memory. Without such modules it is the base model.
    ///
    /// What is computed with the adapter is computed with this decoder.
    ///
    /// # Panics
    ///
    /// When the adapter is for a model with more blocks; [`crate::load_adapter`] has checked that.
    #[must_use]
    pub fn decoder(&self, base: &Decoder) -> Decoder {
        let mut decoder = base.clone();
        self.whole.put_on(&mut decoder);
        decoder
    }

    /// The adapter off the tape and never to be trained again, ready to be applied many times:
    /// what depends on its parameters alone (`DoRA`'s norms) is computed once, here.
    #[must_use]
    pub fn frozen(self) -> Self {
        let mut adapter = self.valid();
        adapter.factors = adapter.factors.into_iter().map(Factors::frozen).collect();
        adapter.whole = adapter.whole.frozen();
        adapter
    }
}

/// The frozen weight at a site, `[in, out]`, without a gradient, quantised where it is so.
pub(crate) fn weight(decoder: &Decoder, site: Site) -> Tensor<2> {
    let weight = &decoder.weights.blocks[site.layer].projections[site.projection as usize];
    weight.val().without_autodiff()
}

impl Adapter for LoraAdapter {
    fn apply(&self, site: Site, x: &Tensor<3>, base_output: Tensor<3>) -> Tensor<3> {
        match self.at(site) {
            Some(factors) => factors.output(x, base_output, None),
            None => base_output,
        }
    }

    fn only_adds(&self, site: Site) -> bool {
        // A magnitude multiplies the sum.
        let factors = self.at(site);
        factors.is_none_or(|factors| factors.magnitude.is_none())
    }
}

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
                let dropout = dropout((self.seed, site), share, x.dims());
                factors.output(x, base_output, Some(&dropout))
            }
            Some(factors) => factors.output(x, base_output, None),
            None => base_output,
        }
    }

    fn only_adds(&self, site: Site) -> bool {
        self.adapter.only_adds(site)
    }
}

/// What dropout leaves out at a site in a pass with a seed.
fn dropout((seed, site): (u64, Site), share: f64, shape: [usize; 3]) -> Dropout {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream((site.layer * Projection::ALL.len() + site.projection as usize) as u64);
    let mut keys = |length: usize| {
        let key = |_| random.random_range(0..Dropout::BELOW);
        (0..length).map(key).collect::<Vec<u16>>()
    };
    let [rows, tokens, channels] = shape;
    Dropout {
        share,
        tokens: [keys(rows * tokens), keys(rows * tokens)],
        channels: [keys(channels), keys(channels)],
    }
}

#[cfg(test)]
mod tests {
    use idiolect_kernels::dropped;

    use super::*;

    fn drawn(seed: u64, layer: usize, share: f64) -> Vec<f32> {
        let projection = Projection::Query;
        let site = Site { layer, projection };
        let shape = [2, 50, 100];
        let ones = Tensor::<3>::ones(shape, &Device::flex());
        let left = dropped(ones, &dropout((seed, site), share, shape));
        left.into_data().iter::<f32>().collect()
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
