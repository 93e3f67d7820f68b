//! One training run: its adapter or weights, the loop followed, and the files of its directory.

mod adapter_run;
mod clock;
mod directory;
pub(crate) mod fixed;
mod follow;
mod full_run;
mod layout;
#[cfg_attr(not(feature = "mlflow"), path = "run/no_mlflow.rs")]
mod mlflow;
mod options;
mod resumed;
mod shape;
mod start;
mod tensorboard;

pub(crate) use adapter_run::{AdapterRun, finish};
pub use directory::claim;
pub(crate) use follow::{Follow, Followed};
pub(crate) use full_run::FullRun;
pub(crate) use layout::Layout;
pub(crate) use options::{Listener, RunOptions};
pub use resumed::CalledRun;
pub(crate) use resumed::require_one_run;
pub(crate) use start::Start;
pub use start::with_vocabulary;
