//! Text of a model: prompts go in, finished texts come out as they end, as whole rows or word by word.

mod chat;
mod logits;
mod mixed;
mod pace;
mod row_models;
mod run;
mod scored;
mod stream;

pub use logits::DecoderLogits;
pub use mixed::MixedPrompt;
pub(crate) use pace::Pace;
pub(crate) use row_models::RowModels;
pub use run::GenerateRun;
pub use scored::ScoredRun;
pub use stream::{RowEvent, WrittenToken};
