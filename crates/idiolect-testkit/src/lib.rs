#![doc = include_str!("../README.md")]
#![allow(clippy::print_stderr, reason = "tests say what they skip")]

mod close;
mod device;
mod error;
mod golden;
mod place;

pub use close::{assert_close, max_abs_diff};
pub use device::device;
pub use error::TestkitError;
pub use golden::Tensors;
pub use place::{minilm, shared, smollm2_folder, smollm2_gguf, workspace_root};
