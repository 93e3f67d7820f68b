//! Weights that only some classes have in a block: biases of projections, norms of heads.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::{Projection, Switches};

/// What a block has beside its norms and projections; nothing in a block of Llama.
#[derive(Module, Debug, Default)]
pub struct BlockExtras {
    /// Biases, `[out]` each, of the projections that have one, in the order of [`Projection::ALL`].
    pub biases: Vec<Param<Tensor<1>>>,
    /// Which projections they belong to.
    #[module(skip)]
    pub biased: Vec<Projection>,
    /// Scale of the norm of each query head, `[head_dim]`.
    pub query_norm: Option<Param<Tensor<1>>>,
    /// Scale of the norm of each key head, `[head_dim]`.
    pub key_norm: Option<Param<Tensor<1>>>,
}

impl BlockExtras {
    /// The bias of a projection, where it has one.
    #[must_use]
    pub fn bias(&self, projection: Projection) -> Option<&Param<Tensor<1>>> {
        let place = self.biased.iter().position(|one| *one == projection)?;
        self.biases.get(place)
    }

    /// Every tensor with its name below a block, in the order in which checkpoints are read.
    #[must_use]
    pub fn named(&self) -> Vec<(String, Param<Tensor<1>>)> {
        let biases = self.biased.iter().zip(&self.biases);
        let biases = biases.map(|(projection, bias)| (bias_name(*projection), bias.clone()));
        let norms = [(QUERY_NORM, &self.query_norm), (KEY_NORM, &self.key_norm)];
        let norms = norms
            .into_iter()
            .filter_map(|(name, norm)| Some((name.into(), norm.clone()?)));
        biases.chain(norms).collect()
    }
}

/// Name below a block of the norm of query heads.
pub(crate) const QUERY_NORM: &str = "self_attn.q_norm.weight";
/// Name below a block of the norm of key heads.
pub(crate) const KEY_NORM: &str = "self_attn.k_norm.weight";

/// Name below a block of the bias of a projection.
pub(crate) fn bias_name(projection: Projection) -> String {
    format!("{}.bias", projection.path())
}

/// The projections with a bias, in the order of [`Projection::ALL`].
pub(crate) fn biased(switches: &Switches) -> Vec<Projection> {
    let has = |projection: &Projection| switches.has_bias(*projection);
    Projection::ALL.into_iter().filter(has).collect()
}
