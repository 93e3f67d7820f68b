#![doc = include_str!("../README.md")]

mod adapter;
mod block;
mod cache;
mod config;
mod context;
mod decoder;
mod error;
mod floats;
pub mod gguf;
mod load;
mod rope;
mod save;
mod session;
mod source;
mod tensor_spec;

pub use adapter::{Adapter, NoAdapter, Projection, Site};
pub use block::{Bits, Block, BlockExtras};
pub use cache::{Cache, LayerCache};
pub use config::{
    Architecture, Carried, LongRope, ModelConfig, Multipliers, QueryScale, RopeScaling, Switches,
    Wrapper, Yarn,
};
pub use context::{Context, NewTokens};
pub use decoder::{Decoder, Weights};
pub use error::ModelError;
pub use floats::{FloatProblem, finite_floats, transposed};
pub use load::{Cast, LoadReport, load, load_as_stored, load_quantized, read_config, stored_type};
pub use rope::{Angles, Position, Rope};
pub use save::{SaveOptions, StoredType, save, weight_files};
pub use session::Session;
pub use source::StoredTensor;
