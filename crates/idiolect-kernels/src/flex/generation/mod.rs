//! Steps of a pass in generation, whose tokens are few.

mod attention;
mod products;

pub(crate) use attention::attend_cached;
pub(crate) use products::products;
