//! Commands that train an adapter.

pub(crate) mod online;
pub(crate) mod train;
