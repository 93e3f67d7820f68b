#![doc = include_str!("../README.md")]

mod bleu;
pub mod call;
pub mod code;
mod error;
pub mod math;
mod overlap;
mod python;
mod rouge;
mod sacrebleu;
pub mod safety;
mod words;

pub use bleu::bleu4;
pub use error::MetricsError;
pub use rouge::{rouge_l, rouge_l_google};
pub use sacrebleu::sacrebleu;
