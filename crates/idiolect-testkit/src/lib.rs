#![doc = include_str!("../README.md")]
#![allow(
    clippy::panic,
    clippy::print_stderr,
    reason = "tests end with what is missing or wrong, and say what they skip"
)]

mod close;
mod device;
mod golden;
mod place;

pub use close::{assert_close, max_abs_diff};
pub use device::device;
pub use golden::Tensors;
pub use place::{minilm, shared, smollm2_folder, smollm2_gguf, workspace_root};
