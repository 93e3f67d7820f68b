//! Options of the commands that train: `train`, `distill-online`, `sdft`.

mod online;
mod sdft;
mod train;

pub(crate) use online::{DistillOnline, WITHOUT_MEANING};
pub(crate) use sdft::Sdft;
pub(crate) use train::{Train, TrainOptions};
