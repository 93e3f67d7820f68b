//! What is minimised: the cross entropy of an adapter's trained tokens, its divergence from the base model,
//! or the cross entropy of a whole model.

mod adapter;
mod full;
mod kind;
mod stored;

pub use adapter::AdapterLoss;
pub(crate) use adapter::even;
pub use full::{FullLoss, trainable};
pub use kind::Loss;
pub use stored::StoredDistributions;
