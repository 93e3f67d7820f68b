//! One distillation from end to end: prompts, rewrites, verdicts, the data set anew.

use std::path::Path;

use idiolect_data::DataSet;
use idiolect_metrics::python::strip;
use idiolect_prompt::DistillTemplate;

use crate::DistillError;
use crate::asked::asked;
use crate::check::Check;
use crate::journal;
use crate::progress::Progress;
use crate::record::Record;
use crate::settings::{Extras, Settings};
use crate::shard::Shard;
use crate::summary::Summary;
use crate::writer::TextToText;

/// What a distillation ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct Distilled {
    /// The data set with the rewrites that were kept; [`DataSet::write`] writes it in its format.
    pub set: DataSet,
    /// The rewrites, in the order of the data set; refused ones too.
    pub records: Vec<Record>,
    /// The numbers.
    pub summary: Summary,
}

/// Rewrites the responses of a data set (Eq. 3) and keeps those that pass (Eq. 4).
///
/// Every completion is judged, appended to the journal and synced as it arrives.
/// Where the journal exists the run goes on from it, and ends as if it had never stopped.
/// In rows of several turns only the last response is rewritten.
///
/// # Errors
///
/// Before anything is generated: [`DistillError::Data`] for rows without a response or with the
/// same id, [`DistillError::Setting`], [`DistillError::Prompt`], [`DistillError::Label`] for a
/// response that the check cannot use, [`DistillError::Differs`] and [`DistillError::Unpaired`] for
/// the journal of another run.
/// Then [`DistillError::Writer`], [`DistillError::Data`] where the journal cannot be written, and
/// [`DistillError::Unpaired`] where the writer left out a row or wrote one that nobody asked for.
pub fn distill(
    set: &DataSet,
    settings: &Settings,
    writer: &mut dyn TextToText,
    journal: &Path,
) -> Result<Distilled, DistillError> {
    distill_shard(set, settings, Shard::WHOLE, writer, journal)
}

/// [`distill`] for one part of the rows; the set that it returns, and the numbers, are of that part.
///
/// The whole set is given, so that the rows of the mix are those that one machine would have chosen.
/// [`merge`](crate::merge()) joins the journals of all parts.
///
/// # Errors
///
/// As [`distill`], and [`DistillError::Setting`] for a part that there is not.
pub fn distill_shard(
    set: &DataSet,
    settings: &Settings,
    shard: Shard,
    writer: &mut dyn TextToText,
    journal: &Path,
) -> Result<Distilled, DistillError> {
    shard.check()?;
    let mut before = settings.prepared(set)?;
    let mut asked = asked(&before, settings)?;
    asked.retain(|asked| shard.has(asked.row));
    let (journal, found) = journal::open(journal, &before, settings, &asked)?;
    let records = Progress::new(&asked, journal, found).finish(writer)?;
    let mut after = before.clone();
    for (asked, record) in asked
        .iter()
        .zip(&records)
        .filter(|(_, record)| record.replaced)
    {
        after.replace_response(asked.row, strip(&record.text));
    }
    drop(asked);
    for set in [&mut before, &mut after] {
        let mut row = 0..;
        set.rows
            .retain(|_| row.next().is_some_and(|row| shard.has(row)));
    }
    let summary = Summary::new(&before, &after, &records);
    Ok(Distilled {
        set: after,
        records,
        summary,
    })
}

/// Has every row of a part answered by the model alone, its reference not shown: sample, drop, keep.
///
/// The template is [`DistillTemplate::unaided`], the check [`Check::Text`] and the mix ratio 1,
/// whatever the settings say; rows need no response.
/// Rows whose answer is empty, or refused by another verdict, are dropped: the set that comes back
/// has answers of the model only.
/// In the numbers `replaced` are the rows left and `kept` those dropped.
///
/// # Errors
///
/// As [`distill`], without what concerns responses.
pub fn answer_unaided(
    set: &DataSet,
    settings: &Settings,
    shard: Shard,
    writer: &mut dyn TextToText,
    journal: &Path,
) -> Result<Distilled, DistillError> {
    let (set, settings) = unaided(set, settings);
    let mut answered = distill_shard(&set, &settings, shard, writer, journal)?;
    let mut records = answered.records.iter();
    answered
        .set
        .rows
        .retain(|_| records.next().is_some_and(|record| record.replaced));
    Ok(answered)
}

/// Data set and settings of [`answer_unaided`]; rows without a response get an empty one.
pub(crate) fn unaided(set: &DataSet, settings: &Settings) -> (DataSet, Settings) {
    let settings = Settings {
        template: DistillTemplate::unaided(),
        check: Check::Text,
        mix_ratio: 1.0,
        extras: Extras {
            empty: true,
            ..settings.extras.clone()
        },
        ..settings.clone()
    };
    let mut set = set.clone();
    for row in 0..set.rows.len() {
        if set.rows[row].example.response().is_none() {
            set.replace_response(row, "");
        }
    }
    (set, settings)
}
