//! Options of the commands that train: `train`, `distill-online`, `sdft`.

mod online;
mod sdft;
mod train;

pub(crate) use online::DistillOnline;
pub(crate) use sdft::Sdft;
pub(crate) use train::{Source, Train, TrainOptions};
