//! What a distillation did to a data set, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use idiolect_data::{Dataset, counted, write_json};
use idiolect_metrics::python::split;
use serde::{Deserialize, Serialize};

use crate::error::DistillError;
use crate::record::RewriteRecord;
use crate::verdict::{Reason, Verdict};

/// Mean length of the responses of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ResponseLength {
    /// Words between white space.
    pub words: f64,
    /// Characters (Unicode scalar values).
    pub characters: f64,
}

/// How much of the rewrites has distributions beside the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogprobSum {
    /// Rewrites that have them, refused ones too.
    pub rewrites: usize,
    /// Their tokens, those that ended them included.
    pub tokens: u64,
}

/// Counts and shares of one distillation; what `summary.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DistillSummary {
    /// Rows of the data set.
    pub rows: usize,
    /// Rows whose answer was rewritten, by the mix ratio.
    pub rewritten: usize,
    /// Rewrites that took the place of the original response.
    pub replaced: usize,
    /// `replaced` by `rows`, 0 to 1.
    pub replaced_share: f64,
    /// Rows that have their original response still: not rewritten, or the rewrite refused.
    pub kept: usize,
    /// Rewrites among `replaced` that say the same as the original, letter by letter.
    pub identical: usize,
    /// Refused rewrites by reason.
    pub refused: BTreeMap<String, usize>,
    /// `refused` by `rewritten`, 0 to 1.
    pub refused_share: BTreeMap<String, f64>,
    /// Rewrites that were refused for a banned phrase, by the phrase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub banned_phrases: BTreeMap<String, usize>,
    /// Rewrites by how they ended.
    pub finish_reasons: BTreeMap<String, usize>,
    /// Tokens written for all rewrites.
    pub tokens: usize,
    /// Tokens for each pass of the model, over the rewrites whose writer counts passes: above 1 where
    /// guesses came true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_pass: Option<f64>,
    /// What was recorded beside the journal, where anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<LogprobSum>,
    /// Responses before, over all rows.
    pub length_before: ResponseLength,
    /// Responses after.
    pub length_after: ResponseLength,
}

impl DistillSummary {
    /// Sums up a data set before and after; the records are those of its rewritten rows.
    pub(crate) fn new(before: &Dataset, after: &Dataset, records: &[RewriteRecord]) -> Self {
        let (rows, rewritten) = (after.rows.len(), records.len());
        let replaced = records.iter().filter(|record| record.replaced).count();
        let reasons = records.iter().filter_map(|record| match &record.verdict {
            Verdict::Keep => None,
            Verdict::Reject(reason) => Some(reason.name()),
        });
        let refused = counts(reasons);
        let share = |(name, &count): (&String, &usize)| (name.clone(), ratio(count, rewritten));
        let unchanged = responses(before)
            .zip(responses(after))
            .filter(|(old, new)| old == new);
        Self {
            rows,
            rewritten,
            replaced,
            replaced_share: ratio(replaced, rows),
            kept: rows - replaced,
            identical: unchanged.count() + replaced - rows,
            refused_share: refused.iter().map(share).collect(),
            refused,
            banned_phrases: counts(records.iter().filter_map(banned)),
            finish_reasons: counts(records.iter().map(|record| record.finish_reason.as_str())),
            tokens: sum(records.iter().map(|record| record.token_count)),
            tokens_per_pass: tokens_per_pass(records),
            logprobs: LogprobSum::of(records),
            length_before: ResponseLength::of(before),
            length_after: ResponseLength::of(after),
        }
    }

    /// The summary of records that are no rewrites: of responses that were scored as they stand.
    pub(crate) fn kept(self) -> Self {
        Self {
            rewritten: 0,
            replaced: 0,
            replaced_share: 0.0,
            kept: self.rows,
            identical: 0,
            finish_reasons: BTreeMap::new(),
            tokens: 0,
            tokens_per_pass: None,
            ..self
        }
    }

    /// The phrases that a reason is about, each with its count, in brackets.
    fn phrases_of(&self, reason: &str) -> String {
        if reason != "banned_phrase" || self.banned_phrases.is_empty() {
            return String::new();
        }
        let phrases = self.banned_phrases.iter();
        let phrases: Vec<String> = phrases
            .map(|(phrase, count)| format!("{phrase:?} {count}"))
            .collect();
        format!(" ({})", phrases.join(", "))
    }

    /// Writes the summary as indented JSON, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`DistillError::Data`] where the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), DistillError> {
        Ok(write_json(path, self)?)
    }
}

impl fmt::Display for DistillSummary {
    /// One line: responses replaced, rewrites refused, rows that were not rewritten.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rows,
            rewritten,
            replaced,
            identical,
            ..
        } = self;
        write!(
            f,
            "{replaced} of {} replaced by rewrites, {identical} of these by the same words",
            counted(*rows, "response", "responses")
        )?;
        for (reason, count) in &self.refused {
            write!(
                f,
                "; {} refused: {}{}",
                counted(*count, "rewrite", "rewrites"),
                reason.replace('_', " "),
                self.phrases_of(reason)
            )?;
        }
        if let left @ 1.. = rows.saturating_sub(*rewritten) {
            write!(f, "; {} not rewritten", counted(left, "row", "rows"))?;
        }
        match &self.logprobs {
            Some(sum) => write!(f, "; {sum}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for LogprobSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rewrites, tokens } = self;
        write!(
            f,
            "distributions at {} of {} recorded",
            counted(*tokens, "token", "tokens"),
            counted(*rewrites, "text", "texts")
        )
    }
}

impl LogprobSum {
    fn of(records: &[RewriteRecord]) -> Option<Self> {
        let stored = || records.iter().filter_map(|record| record.logprobs.as_ref());
        let tokens = stored().map(|stored| stored.tokens);
        let sum = Self {
            rewrites: stored().count(),
            tokens: tokens.fold(0, u64::saturating_add),
        };
        (sum.rewrites > 0).then_some(sum)
    }
}

impl ResponseLength {
    fn of(set: &Dataset) -> Self {
        let mean =
            |count: fn(&str) -> usize| ratio(responses(set).map(count).sum(), set.rows.len());
        Self {
            words: mean(|text| split(text).count()),
            characters: mean(|text| text.chars().count()),
        }
    }
}

fn tokens_per_pass(records: &[RewriteRecord]) -> Option<f64> {
    let counted = || records.iter().filter(|record| record.passes.is_some());
    let tokens = sum(counted().map(|record| record.token_count));
    let passes = sum(counted().filter_map(|record| record.passes));
    (passes > 0).then(|| ratio(tokens, passes))
}

/// A journal is a file: what it counts may be any number.
fn sum(counts: impl Iterator<Item = usize>) -> usize {
    counts.fold(0, usize::saturating_add)
}

fn responses(set: &Dataset) -> impl Iterator<Item = &str> {
    set.rows
        .iter()
        .map(|row| row.example.response().unwrap_or(""))
}

/// The banned phrase that a rewrite was refused for.
fn banned(record: &RewriteRecord) -> Option<&str> {
    match &record.verdict {
        Verdict::Reject(Reason::BannedPhrase { phrase }) => Some(phrase),
        _ => None,
    }
}

fn counts<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    counts
}

/// 0 where there is nothing to divide by.
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn banned_phrases_are_named_with_their_counts() {
        let length = json!({"words": 1.0, "characters": 4.0});
        let summary: DistillSummary = serde_json::from_value(json!({
            "rows": 9, "rewritten": 9, "replaced": 6, "replaced_share": 0.5, "kept": 3, "identical": 0,
            "refused": {"banned_phrase": 3}, "refused_share": {}, "finish_reasons": {}, "tokens": 9,
            "banned_phrases": {"my response": 2, "reference answer": 1},
            "length_before": length, "length_after": length,
        }))
        .unwrap();
        assert_eq!(
            summary.to_string(),
            "6 of 9 responses replaced by rewrites, 0 of these by the same words; \
             3 rewrites refused: banned phrase (\"my response\" 2, \"reference answer\" 1)"
        );
    }
}
