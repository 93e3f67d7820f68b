//! What halving and continuing came to, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use idiolect_data::write_json;
use idiolect_input::counted;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::ContinuationError;
use crate::filter::{TextReason, TextVerdict};
use crate::judge::{JudgeAnswer, JudgeQuestion};

/// The share of texts above which it is said that they never end.
const MANY_NEVER_END: f64 = 0.1;

/// What the corpus has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusCounts {
    /// Documents read.
    pub documents: usize,
    /// Those with fewer words than the settings ask for.
    pub too_short: usize,
    /// Those with more.
    pub too_long: usize,
    /// Documents sampled and halved.
    pub sampled: usize,
}

/// What a judge said to one question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct JudgeCounts {
    /// Texts that it was asked about: those that the filters without a judge left.
    pub texts: usize,
    /// Texts that are of that kind.
    pub yes: usize,
    /// `yes` by `texts`, 0 to 1; for the paper's rates see the crate's documentation.
    pub yes_share: f64,
    /// Answers that begin with neither word; their texts are kept.
    pub unclear: usize,
}

/// Counts and shares of one run; what `summary.json` holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ContinuationSummary {
    /// What the corpus has.
    pub corpus: CorpusCounts,
    /// Training rows written.
    pub rows: usize,
    /// `rows` by documents sampled, 0 to 1.
    pub kept_share: f64,
    /// Texts that make no row, by the first reason that holds.
    pub rejected: BTreeMap<String, usize>,
    /// Of the texts that reached each filter that is on, the share that passed it.
    pub passed_share: BTreeMap<String, f64>,
    /// Texts of white space alone, whether or not they are filtered.
    pub empty: usize,
    /// `empty` by documents sampled, 0 to 1.
    pub empty_share: f64,
    /// Texts that did not end before the limit of tokens, whether or not they are filtered.
    pub never_ending: usize,
    /// `never_ending` by documents sampled, 0 to 1.
    pub never_ending_share: f64,
    /// Texts that begin with a capital letter where the original does not, filtered or not.
    pub capital: usize,
    /// Texts by how they ended; nothing where the target is the original.
    pub finish_reasons: BTreeMap<String, usize>,
    /// The judges' answers by question.
    pub judged: BTreeMap<String, JudgeCounts>,
    /// Tokens that the teacher wrote.
    pub tokens: usize,
    /// Passes of the model that gave them, where the teacher counts passes: fewer than tokens where
    /// guesses came true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes: Option<usize>,
    /// What servers cost, by the part that they had (`teacher`, `judge`), in all calls that wrote a summary, as
    /// whoever opened them says it; nothing where none was asked.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub spent: Map<String, Value>,
    /// Mean words of the first parts.
    pub first_words: f64,
    /// Mean words of the original second parts.
    pub second_words: f64,
    /// Mean words of the texts that rows would have.
    pub text_words: f64,
}

impl fmt::Display for ContinuationSummary {
    /// One line: documents, rows, texts that make none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CorpusCounts {
            documents, sampled, ..
        } = self.corpus;
        write!(
            f,
            "{} read, {sampled} cut in two, {}",
            counted(documents, "document", "documents"),
            counted(self.rows, "training row", "training rows")
        )?;
        for (reason, count) in &self.rejected {
            let texts = counted(*count, "text", "texts");
            write!(f, "; {texts} left out: {reason}")?;
        }
        Ok(())
    }
}

impl ContinuationSummary {
    /// Counts a verdict and the answers behind it.
    pub(crate) fn count(&mut self, verdict: TextVerdict, answers: &[(JudgeQuestion, JudgeAnswer)]) {
        match verdict {
            TextVerdict::Keep => self.rows += 1,
            TextVerdict::Reject { reason } => {
                *self.rejected.entry(reason.name().to_owned()).or_default() += 1;
            }
        }
        for (question, answer) in answers {
            let asked = self.judged.entry(question.name().to_owned()).or_default();
            asked.texts += 1;
            asked.yes += usize::from(*answer == JudgeAnswer::Yes);
            asked.unclear += usize::from(*answer == JudgeAnswer::Unclear);
        }
    }

    /// Turns sums into shares and means; `filters` are those that are on, in their order.
    pub(crate) fn finish(&mut self, filters: &[TextReason]) {
        let sampled = self.corpus.sampled;
        self.kept_share = ratio(self.rows as f64, sampled);
        self.empty_share = ratio(self.empty as f64, sampled);
        self.never_ending_share = ratio(self.never_ending as f64, sampled);
        for words in [
            &mut self.first_words,
            &mut self.second_words,
            &mut self.text_words,
        ] {
            *words = ratio(*words, sampled);
        }
        for asked in self.judged.values_mut() {
            asked.yes_share = ratio(asked.yes as f64, asked.texts);
        }
        let mut left = sampled;
        for reason in filters {
            let gone = self.rejected.get(reason.name()).copied().unwrap_or(0);
            let passed = ratio((left - gone) as f64, left);
            self.passed_share.insert(reason.name().to_owned(), passed);
            left -= gone;
        }
    }

    /// Refuses a run whose writer wrote nothing, not one text; `advice` says what the writer knows about it.
    ///
    /// Texts that the filters leave out are no fault of a run, even where they are all of them.
    ///
    /// # Errors
    ///
    /// [`ContinuationError::NoText`].
    pub fn check_texts(&self, advice: Option<String>) -> Result<(), ContinuationError> {
        let texts = self.corpus.sampled;
        if self.empty < texts || texts == 0 {
            return Ok(());
        }
        let advice = advice.map(|advice| format!("; {advice}"));
        Err(ContinuationError::NoText {
            texts,
            advice: advice.unwrap_or_default(),
        })
    }

    /// What is to be said of a run many of whose texts never ended; nothing of others.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let Self { never_ending, .. } = *self;
        let sampled = self.corpus.sampled;
        let many = MANY_NEVER_END * sampled as f64;
        (many < never_ending as f64).then(|| {
            format!(
                "{never_ending} of {} did not end before the limit of tokens: a larger max_new_tokens lets \
                 them, and the filter unfinished leaves out those that do not",
                counted(sampled, "text", "texts")
            )
        })
    }

    /// Writes the summary as indented JSON, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`ContinuationError::Data`] where the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ContinuationError> {
        Ok(write_json(path, self)?)
    }
}

/// 0 where there is nothing to divide by.
fn ratio(part: f64, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_where_many_texts_never_end() {
        let mut summary = ContinuationSummary::default();
        assert_eq!(summary.remark(), None);
        (summary.corpus.sampled, summary.never_ending) = (20, 2);
        assert_eq!(summary.remark(), None);
        summary.never_ending = 3;
        let told = summary.remark().unwrap();
        assert!(told.starts_with("3 of 20 texts did not end"), "{told}");
    }

    #[test]
    fn a_run_without_a_text_is_no_success() {
        let mut summary = ContinuationSummary::default();
        summary.check_texts(None).unwrap();
        (summary.corpus.sampled, summary.empty) = (3, 3);
        let told = |advice: Option<&str>| {
            let error = summary.check_texts(advice.map(str::to_owned)).unwrap_err();
            error.to_string()
        };
        let plain = "expected a text in 3 answers, found none";
        assert_eq!(told(None), plain);
        assert_eq!(told(Some("write more")), format!("{plain}; write more"));
        summary.empty = 2;
        summary.check_texts(None).unwrap();
    }
}
