//! From halves and texts to training rows and verdicts.

use std::io::{self, Write};
use std::path::Path;

use idiolect_completion::FinishReason;
use idiolect_data::{DataError, Id, write_atomically};
use serde::Serialize;
use serde_json::json;

use crate::config::{ContinuationConfig, RowForm, Target};
use crate::error::ContinuationError;
use crate::filter::{Filters, TextReason, TextVerdict, starts_with_capital, verdict};
use crate::halve::{Half, HalvesFile, count_words};
use crate::judge::{JudgeAnswer, JudgeQuestion};
use crate::summary::ContinuationSummary;
use crate::texts::{Source, Texts, Written};

/// All that an export reads.
pub(crate) struct Export<'a> {
    pub(crate) config: &'a ContinuationConfig,
    pub(crate) halves: &'a HalvesFile,
    pub(crate) texts: Source<'a>,
    pub(crate) judged: Vec<(JudgeQuestion, Texts<'a>)>,
}

/// A line of `verdicts.jsonl`.
#[derive(Serialize)]
struct VerdictRow<'a> {
    id: &'a Id,
    #[serde(flatten)]
    verdict: TextVerdict,
}

impl Export<'_> {
    /// Writes the rows and the verdicts, and counts.
    pub(crate) fn write(
        &mut self,
        rows: &Path,
        verdicts: &Path,
        summary: &mut ContinuationSummary,
    ) -> Result<(), ContinuationError> {
        let mut own = None;
        let written = write_atomically(rows, |rows| {
            let nested = write_atomically(verdicts, |verdicts| {
                self.rows(rows, verdicts, summary).map_err(|error| {
                    own = Some(error);
                    io::Error::other("the texts were not read")
                })
            });
            nested.map_err(io::Error::other)
        });
        own.map_or(Ok(()), Err)?;
        summary.finish(&on(self.config.filters));
        Ok(written?)
    }

    fn rows(
        &mut self,
        rows: &mut dyn Write,
        verdicts: &mut dyn Write,
        summary: &mut ContinuationSummary,
    ) -> Result<(), ContinuationError> {
        for half in self.halves.read()? {
            let half = half?;
            let text = self.texts.text(&half, self.config)?;
            let answers = self.answers(&half, &text)?;
            let verdict = verdict(text.objection, &answers);
            summary.count(verdict, &answers);
            tally(summary, &half, &text);
            let id = &half.id;
            line(verdicts, &VerdictRow { id, verdict })?;
            if verdict == TextVerdict::Keep {
                line(rows, &self.row(&half, text))?;
            }
        }
        Ok(())
    }

    fn answers(
        &mut self,
        half: &Half,
        text: &Written,
    ) -> Result<Vec<(JudgeQuestion, JudgeAnswer)>, ContinuationError> {
        if text.objection.is_some() {
            return Ok(Vec::new());
        }
        let answer = |(question, texts): &mut (JudgeQuestion, Texts<'_>)| {
            Ok((*question, JudgeAnswer::read(&texts.row(&half.id)?.text)))
        };
        self.judged.iter_mut().map(answer).collect()
    }

    fn row(&self, half: &Half, text: Written) -> serde_json::Value {
        let (id, first, text) = (&half.id, &half.first, text.text);
        if self.config.target == Target::Whole {
            return json!({"id": id, "text": text});
        }
        match self.config.rows {
            RowForm::Messages => json!({"id": id, "messages": [
                {"role": "user", "content": first},
                {"role": "assistant", "content": text},
            ]}),
            RowForm::Text => json!({"id": id, "text": format!("{first}{text}")}),
        }
    }
}

fn tally(summary: &mut ContinuationSummary, half: &Half, text: &Written) {
    let capital = starts_with_capital(&text.text) && !starts_with_capital(&half.second);
    summary.empty += usize::from(text.text.trim().is_empty());
    summary.capital += usize::from(capital);
    // A journal is a file: what it counts may be any number.
    summary.tokens = summary.tokens.saturating_add(text.tokens);
    if let Some(passes) = text.passes {
        summary.passes = Some(summary.passes.unwrap_or(0).saturating_add(passes));
    }
    summary.first_words += half.first_words as f64;
    summary.second_words += half.words as f64 - half.first_words as f64;
    summary.text_words += count_words(&text.text) as f64;
    if let Some(reason) = &text.finish_reason {
        summary.never_ending += usize::from(*reason == FinishReason::Length);
        *summary
            .finish_reasons
            .entry(reason.to_string())
            .or_default() += 1;
    }
}

/// The filters that are on, in the order in which they act.
fn on(filters: Filters) -> Vec<TextReason> {
    let switches = [
        (filters.empty, TextReason::Empty),
        (filters.unfinished, TextReason::Unfinished),
        (filters.capital, TextReason::Capital),
        (filters.instructional, TextReason::Instructional),
        (filters.conversational, TextReason::Conversational),
    ];
    let on = switches.into_iter().filter(|(on, _)| *on);
    on.map(|(_, reason)| reason).collect()
}

fn line(out: &mut dyn Write, row: &impl Serialize) -> Result<(), ContinuationError> {
    let written = serde_json::to_string(row)
        .map_err(io::Error::from)
        .and_then(|line| out.write_all(format!("{line}\n").as_bytes()));
    written.map_err(|source| {
        ContinuationError::Data(DataError::Io {
            path: "the training rows".into(),
            action: "write",
            source,
        })
    })
}
