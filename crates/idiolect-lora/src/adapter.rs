//! The adapter itself: two thin matrices a site, applied in activation space,
//! `y = x W + s (x A) B` (Hu et al., arXiv 2106.09685, equation 3).
//!
//! Neither `A B` nor a gradient of the shape of `W` is ever made while training.
//! Burn's own `apply_lora` composes the dense weight at every use, which costs both; it serves as the
//! oracle of a test here.

use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};
use idiolect_model::{Adapter, ModelConfig, Projection, Site};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::{LoraConfig, LoraError};

/// The two factors of one site, in f32.
#[derive(Module, Debug)]
pub struct Factors {
    /// `[in, rank]`
    pub a: Param<Tensor<2>>,
    /// `[rank, out]`
    pub b: Param<Tensor<2>>,
}

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
    /// An adapter that changes nothing yet: `A` uniform in `±1/sqrt(in)`, `B` zero.
    ///
    /// This is PEFT's default (`kaiming_uniform_` with `a = sqrt(5)`), drawn from its own seeded stream, so
    /// the values differ from `PyTorch`'s. Give `device.autodiff()` for an adapter that will be trained.
    ///
    /// # Errors
    ///
    /// [`LoraError::Setting`] as for [`LoraConfig::check`].
    pub fn new(
        config: &LoraConfig,
        model: &ModelConfig,
        seed: u64,
        device: &Device,
    ) -> Result<Self, LoraError> {
        config.check()?;
        let targets = || config.targets.0.iter().copied();
        let sites: Vec<Site> = (0..model.num_layers)
            .flat_map(|layer| targets().map(move |projection| Site { layer, projection }))
            .collect();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut one = |site: &Site| {
            let [input, output] = model.projection_shape(site.projection);
            let bound = (input as f32).sqrt().recip();
            let a = (0..input * config.rank)
                .map(|_| random.random_range(-bound..bound))
                .collect();
            let b = vec![0.0; config.rank * output];
            Factors::new(
                Values {
                    a,
                    b,
                    input,
                    rank: config.rank,
                    output,
                },
                device,
            )
        };
        let factors = sites.iter().map(&mut one).collect();
        Ok(Self {
            factors,
            sites,
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

    /// Projections that have an update in some block.
    #[must_use]
    pub fn targets(&self) -> Vec<Projection> {
        self.config.targets.0.iter().copied().collect()
    }
}

/// Host values of two factors, row-major `[in, rank]` and `[rank, out]`.
pub(crate) struct Values {
    pub(crate) a: Vec<f32>,
    pub(crate) b: Vec<f32>,
    pub(crate) input: usize,
    pub(crate) rank: usize,
    pub(crate) output: usize,
}

impl Factors {
    pub(crate) fn new(values: Values, device: &Device) -> Self {
        let param = |values, shape: [usize; 2]| {
            let data = TensorData::new(values, shape);
            Param::from_tensor(Tensor::from_data(data, (device, DType::F32)))
        };
        Self {
            a: param(values.a, [values.input, values.rank]),
            b: param(values.b, [values.rank, values.output]),
        }
    }
}

impl Adapter for LoraAdapter {
    fn apply(&self, site: Site, x: &Tensor<3>, base_output: Tensor<3>) -> Tensor<3> {
        let Some(Factors { a, b }) = self.at(site) else {
            return base_output;
        };
        let [rows, tokens, input] = x.dims();
        let [_, _, output] = base_output.dims();
        let dtype = x.dtype();
        let wide = x.clone().reshape([rows * tokens, input]);
        let wide = if dtype == DType::F32 {
            wide
        } else {
            wide.cast(DType::F32)
        };
        let update = wide
            .matmul(a.val())
            .matmul(b.val())
            .mul_scalar(self.config.scale());
        let update = update.reshape([rows, tokens, output]);
        base_output
            + if dtype == DType::F32 {
                update
            } else {
                update.cast(dtype)
            }
    }
}
