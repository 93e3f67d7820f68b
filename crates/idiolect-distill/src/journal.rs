//! The rewrites that a journal has, held against the rows that this run asks for.

use std::path::Path;

use idiolect_data::{DataSet, Journal, pair_by_id, write_atomically};

use crate::DistillError;
use crate::asked::Asked;
use crate::record::Record;
use crate::settings::Settings;
use crate::writer::Completion;

/// Opens the journal, refuses another run's, and judges anew what stands in it; returns what of it
/// serves this run, by position among the rows asked for.
///
/// Texts are costly and verdicts are not: a journal whose verdicts another check gave is written
/// anew with this run's, the texts untouched.
/// Rewrites of rows that a smaller mix leaves out stay in the journal and are not used.
pub(crate) fn open(
    path: &Path,
    set: &DataSet,
    settings: &Settings,
    asked: &[Asked<'_>],
) -> Result<(Journal, Vec<Option<Record>>), DistillError> {
    let (mut journal, mut records) = Journal::open::<Record>(path)?;
    let pairs = pairs(path, set, asked, &records)?;
    for record in &records {
        refuse_other(path, record, settings, None)?;
    }
    let mut stale = false;
    for &(at, other) in &pairs {
        let record = &mut records[other];
        let now = asked[at].record(completion(record))?;
        refuse_other(path, record, settings, Some(&now.prompt_sha256))?;
        stale |= *record != now;
        *record = now;
    }
    if stale {
        drop(journal);
        journal = rewritten(path, &records)?;
    }
    let mut records: Vec<_> = records.into_iter().map(Some).collect();
    let mut found: Vec<_> = asked.iter().map(|_| None).collect();
    for (at, other) in pairs {
        found[at] = records[other].take();
    }
    Ok((journal, found))
}

fn refuse_other(
    path: &Path,
    record: &Record,
    settings: &Settings,
    prompt_sha256: Option<&str>,
) -> Result<(), DistillError> {
    match record.difference(settings, prompt_sha256).map(Box::new) {
        None => Ok(()),
        Some(difference) => {
            let (path, id) = (path.to_owned(), record.id.clone());
            Err(DistillError::Differs {
                path,
                id,
                difference,
            })
        }
    }
}

fn rewritten(path: &Path, records: &[Record]) -> Result<Journal, DistillError> {
    write_atomically(path, |out| {
        records.iter().try_for_each(|record| {
            serde_json::to_writer(&mut *out, record)?;
            out.write_all(b"\n")
        })
    })?;
    Ok(Journal::open::<Record>(path)?.0)
}

/// Positions (asked, journal) with the same id.
fn pairs(
    path: &Path,
    set: &DataSet,
    asked: &[Asked<'_>],
    records: &[Record],
) -> Result<Vec<(usize, usize)>, DistillError> {
    let ids = records.iter().map(|record| &record.id);
    let all = pair_by_id(set.rows.iter().map(|row| &row.example.id), ids.clone());
    if !all.extra.is_empty() || !all.repeated.is_empty() {
        return Err(DistillError::Unpaired {
            origin: path.display().to_string(),
            missing: Vec::new(),
            extra: all.extra,
            repeated: all.repeated,
        });
    }
    Ok(pair_by_id(asked.iter().map(|asked| &asked.request.id), ids).pairs)
}

fn completion(record: &Record) -> Completion {
    Completion {
        id: record.id.clone(),
        text: record.text.clone(),
        token_count: record.token_count,
        token_ids: record.token_ids.clone(),
        passes: record.passes,
        finish_reason: record.finish_reason.clone(),
    }
}
