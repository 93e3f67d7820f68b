//! The adapter itself: factors at some sites of a decoder, applied in activation space.
//!
//! Burn's own `apply_lora` composes the dense weight at every use; it serves as the oracle of a test here.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use idiolect_model::{Adapter, Decoder, Site};

use crate::factors::Factors;
use crate::targets::{Place, places};
use crate::{Init, LoraConfig, LoraError, init};

/// A low-rank adapter of a decoder; a Burn module whose parameters are all there is to train.
#[derive(Module, Debug)]
pub struct LoraAdapter {
    /// Factors of each site, in the order of [`LoraAdapter::sites`].
    pub factors: Vec<Factors>,
    /// Sites with an update, sorted.
    #[module(skip)]
    pub sites: Vec<Site>,
    /// Rank, scale and targets.
    #[module(skip)]
    pub config: LoraConfig,
}

impl LoraAdapter {
    /// An adapter that changes nothing yet, drawn as [`LoraConfig::init`] says.
    ///
    /// Draws come from a seeded stream of their own, so the values differ from `PyTorch`'s.
    /// Give `device.autodiff()` for an adapter that will be trained.
    ///
    /// # Errors
    ///
    /// [`LoraError::Setting`] as for [`LoraConfig::check`], for targets or blocks that the model does not
    /// have, and for a rank above the sides of a weight that is to be decomposed.
    pub fn new(
        config: &LoraConfig,
        decoder: &Decoder,
        seed: u64,
        device: &Device,
    ) -> Result<Self, LoraError> {
        let places = places(config, &decoder.config)?;
        let mut start = init::Start::new(config.init, seed);
        let one = |place: &Place| {
            let weight = weight(decoder, place.site);
            let values = start.values(&weight, place)?;
            let [a, b] = values.tensors(device);
            let mut factors = Factors::new(a.clone(), b.clone(), place.scale);
            if config.init == Init::Pissa {
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
            sites: places.iter().map(|place| place.site).collect(),
            config: config.clone(),
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

    /// The lowest block with an update; nothing below it needs a gradient.
    #[must_use]
    pub fn lowest_layer(&self) -> usize {
        self.sites.first().map_or(0, |site| site.layer)
    }

    /// The adapter off the tape and never to be trained again, ready to be applied many times:
    /// what depends on its parameters alone (`DoRA`'s norms) is computed once, here.
    #[must_use]
    pub fn at_rest(self) -> Self {
        let mut adapter = self.valid();
        adapter.factors = adapter.factors.into_iter().map(Factors::at_rest).collect();
        adapter
    }
}

/// The frozen weight at a site, `[in, out]`, off the tape, packed where it is so.
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
}
