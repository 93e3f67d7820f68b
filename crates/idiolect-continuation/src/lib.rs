#![doc = include_str!("../README.md")]

mod corpus;
mod error;
mod export;
mod filter;
mod halve;
mod judge;
mod reader;
mod record;
mod run;
mod sample;
mod settings;
mod stage;
mod summary;
mod texts;
mod writer;

pub use corpus::{Corpus, Document, Kind};
pub use error::ContinuationError;
pub use filter::{Reason, Verdict, starts_with_capital};
pub use halve::{Halves, halve};
pub use judge::{Answer, Question};
pub use reader::DOCUMENT_BYTES;
pub use record::{Difference, Identity, Made, Record};
pub use run::{Continued, continue_corpus};
pub use sample::Reservoir;
pub use settings::{Filters, PAPER_SYSTEM, RowFormat, Settings, Shown, Target};
pub use summary::{Asked, Found, Summary};
pub use writer::{BoxError, Completion, ContinuationRequest, Prompt, TextToText};
