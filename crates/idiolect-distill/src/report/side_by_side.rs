//! Some rows with the original response, the rewrite and the verdict, for a reader to look at.
//!
//! The journal has every rewrite and no response of the data set; this has both, and of each kind of row as many as
//! a page shows.

use idiolect_data::{Example, Id};
use idiolect_metrics::python::strip;
use serde::{Deserialize, Serialize};

use crate::record::RewriteRecord;
use crate::verdict::Verdict;

/// Rows of each [`Change`], at most: the first ones.
const MOST: usize = 100;

/// What a rewrite did to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Kept, and other words than the original's.
    Changed,
    /// Kept, and the original letter by letter.
    Same,
    /// Refused: the original stays.
    Refused,
}

/// One row: what it was, what the model made of it, and what became of that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SideBySide {
    /// The example's id.
    pub id: Id,
    /// Its last turn before the response.
    pub prompt: String,
    /// The data set's response.
    pub original: String,
    /// The rewrite, as written.
    pub rewrite: String,
    /// What became of it.
    pub change: Change,
    /// The verdict with its reason.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl SideBySide {
    fn new(example: &Example, record: &RewriteRecord) -> Self {
        let prompt = example.prompt().last();
        Self {
            id: record.id.clone(),
            prompt: prompt.map_or(String::new(), |turn| turn.content.clone()),
            original: original(example).to_owned(),
            rewrite: record.text.clone(),
            change: change(example, record),
            verdict: record.verdict.clone(),
        }
    }
}

fn original(example: &Example) -> &str {
    example.response().unwrap_or_default()
}

fn change(example: &Example, record: &RewriteRecord) -> Change {
    match record.verdict {
        Verdict::Reject(_) => Change::Refused,
        Verdict::Keep if strip(&record.text) == original(example) => Change::Same,
        Verdict::Keep => Change::Changed,
    }
}

/// The first rows of each change, in the order of the data set.
pub(crate) fn chosen<'a>(
    rows: impl Iterator<Item = (&'a Example, &'a RewriteRecord)>,
) -> Vec<SideBySide> {
    let mut counts = [0_usize; 3];
    let is_shown = |(example, record): &(&Example, &RewriteRecord)| {
        let count = &mut counts[change(example, record) as usize];
        *count += 1;
        *count <= MOST
    };
    let shown = rows.filter(is_shown);
    shown
        .map(|(example, record)| SideBySide::new(example, record))
        .collect()
}
