//! One training run: its adapter or weights, the loop followed, and the files of its directory.

mod adapter_run;
mod directory;
pub(crate) mod fixed;
mod follow;
mod full_run;
mod options;
mod start;
mod tensorboard;

pub(crate) use adapter_run::{AdapterRun, finish};
pub use directory::claim;
pub(crate) use follow::{Follow, Followed, Listener};
pub(crate) use full_run::FullRun;
pub(crate) use options::RunOptions;
pub(crate) use start::Start;
pub use start::with_vocabulary;
