//! One distillation from end to end: prompts, rewrites, verdicts, the data set anew.

use std::path::Path;

use idiolect_completion::Writer;
use idiolect_data::{Dataset, RunDir, write_lines};
use idiolect_metrics::python::strip;
use idiolect_prompt::DistillTemplate;

use crate::check::Check;
use crate::config::DistillConfig;
use crate::error::DistillError;
use crate::extras::Extras;
use crate::files::DistillFiles;
use crate::journal::asked::asked;
use crate::journal::records;
use crate::record::RewriteRecord;
use crate::report::DistillReport;
use crate::report::side_by_side::{SideBySide, chosen};
use crate::report::summary::DistillSummary;
use crate::shard::Shard;

/// What a distillation ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct Distilled {
    /// The data set with the rewrites that were kept; [`Dataset::write`] writes it in its format.
    pub set: Dataset,
    /// The rewrites, in the order of the data set; refused ones too.
    pub records: Vec<RewriteRecord>,
    /// Some of them beside the responses that they were made of.
    pub side_by_side: Vec<SideBySide>,
    /// The numbers.
    pub summary: DistillSummary,
}

/// Rewrites the responses of a data set (Eq. 3) and keeps those that pass (Eq. 4).
///
/// Every completion is judged, appended to the journal and synced as it arrives.
/// Where the journal exists the run resumes from it, and ends as if it had never stopped.
/// In rows of several turns only the last response is rewritten.
///
/// # Errors
///
/// Before anything is generated: [`DistillError::Data`] for rows without a response or with the
/// same id, [`DistillError::Setting`], [`DistillError::Prompt`], [`DistillError::Label`] for a
/// response that the check cannot use, [`DistillError::Completion`] for the journal of another run.
/// Then [`DistillError::Completion`] where the writer gives up, leaves out a row or writes one that
/// nobody asked for, and where the journal cannot be written.
pub fn distill(
    set: &Dataset,
    config: &DistillConfig,
    writer: &mut dyn Writer,
    journal: &Path,
) -> Result<Distilled, DistillError> {
    distill_shard(set, config, Shard::WHOLE, writer, journal)
}

/// [`distill`] for one part of the rows; the set that it returns, and the numbers, are of that part.
///
/// The whole set is given, so that the rows of the mix are those that one machine would have chosen.
/// [`crate::join_shards`] joins the journals of all parts.
///
/// # Errors
///
/// As [`distill`], and [`DistillError::Setting`] for a part that there is not.
pub fn distill_shard(
    set: &Dataset,
    config: &DistillConfig,
    shard: Shard,
    writer: &mut dyn Writer,
    journal: &Path,
) -> Result<Distilled, DistillError> {
    shard.check()?;
    let mut before = config.prepared(set)?;
    let mut asked = asked(&before, config)?;
    asked.retain(|asked| shard.has(asked.row));
    let records = records(journal, &before, config, &asked, writer)?;
    let mut after = before.clone();
    for row in &mut after.rows {
        // What an earlier distillation left.
        row.raw.shift_remove(RunDir::LOGPROBS_OF);
    }
    for (asked, record) in asked
        .iter()
        .zip(&records)
        .filter(|(_, record)| record.replaced)
    {
        after.replace_response(asked.row, strip(&record.text));
        if record.logprobs.is_some() {
            let raw = &mut after.rows[asked.row].raw;
            raw.insert(RunDir::LOGPROBS_OF.to_owned(), record.id.clone());
        }
    }
    let pairs = asked.iter().map(|asked| &before.rows[asked.row].example);
    let keeps = config.keeps_responses();
    let side_by_side = chosen(pairs.zip(&records).filter(|_| !keeps));
    drop(asked);
    for set in [&mut before, &mut after] {
        let mut row = 0..;
        set.rows
            .retain(|_| row.next().is_some_and(|row| shard.has(row)));
    }
    let summary = DistillSummary::new(&before, &after, &records);
    let summary = if keeps { summary.kept() } else { summary };
    Ok(Distilled {
        set: after,
        records,
        side_by_side,
        summary,
    })
}

/// Has every row of a part answered by the model alone, its reference not shown: sample, drop, keep.
///
/// The template is [`DistillTemplate::unaided`], the check [`Check::Text`] and the mix ratio 1,
/// whatever the configuration says; rows need no response.
/// Rows whose answer is empty, or refused by another verdict, are dropped: the set that comes back
/// has answers of the model only.
/// In the numbers `replaced` are the rows left and `kept` those dropped.
///
/// # Errors
///
/// As [`distill`], without what concerns responses.
pub fn answer_unaided(
    set: &Dataset,
    config: &DistillConfig,
    shard: Shard,
    writer: &mut dyn Writer,
    journal: &Path,
) -> Result<Distilled, DistillError> {
    let (set, config) = unaided(set, config);
    let mut answered = distill_shard(&set, &config, shard, writer, journal)?;
    let mut records = answered.records.iter();
    answered
        .set
        .rows
        .retain(|_| records.next().is_some_and(|record| record.replaced));
    Ok(answered)
}

/// Rewrites a data set, or a part of it, and leaves journal, data set and summary in a folder.
///
/// With the template [`DistillTemplate::unaided`] it is [`answer_unaided`], else [`distill_shard`].
///
/// # Errors
///
/// As those, and [`DistillError::Data`] where the files cannot be written.
pub fn distill_into(
    set: &Dataset,
    config: &DistillConfig,
    shard: Shard,
    writer: &mut dyn Writer,
    folder: &Path,
) -> Result<Distilled, DistillError> {
    let files = DistillFiles::new(folder, shard);
    let one = if config.is_unaided() {
        answer_unaided
    } else {
        distill_shard
    };
    let distilled = one(set, config, shard, writer, &files.journal())?;
    distilled.set.write(&files.set(set.layout))?;
    write_lines(&files.side_by_side(), &distilled.side_by_side)?;
    DistillReport::new(&distilled.summary).write(&files.summary())?;
    Ok(distilled)
}

/// Data set and configuration of [`answer_unaided`]; rows without a response get an empty one.
pub(crate) fn unaided(set: &Dataset, config: &DistillConfig) -> (Dataset, DistillConfig) {
    let config = DistillConfig {
        template: DistillTemplate::unaided(),
        prompt: None,
        check: Check::Text.into(),
        mix_ratio: 1.0,
        extras: Extras {
            empty: true,
            ..config.extras.clone()
        },
        ..config.clone()
    };
    let mut set = set.clone();
    for row in 0..set.rows.len() {
        if set.rows[row].example.response().is_none() {
            set.replace_response(row, "");
        }
    }
    (set, config)
}
