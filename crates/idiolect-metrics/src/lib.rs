#![doc = include_str!("../README.md")]

mod bleu;
pub mod call;
pub mod choice;
pub mod code;
mod error;
pub mod ifeval;
pub mod interval;
pub mod judge;
pub mod math;
mod overlap;
pub mod python;
mod rouge;
pub mod safety;
pub mod share;
mod words;

pub use bleu::{bleu4, sacrebleu};
pub use error::MetricsError;
pub use rouge::{rouge_l, rouge_l_google};
