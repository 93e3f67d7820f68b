//! The journals of several machines brought together into one.
//!
//! What is joined are texts, not data sets: [`distill`](crate::distill()) with the joined journal
//! then judges and exports them, exactly as one machine would have, and asks for what is missing.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use idiolect_data::{DataError, DataSet, Id, Journal, write_atomically};
use idiolect_prompt::DistillTemplate;
use serde::Serialize;

use crate::DistillError;
use crate::asked::asked;
use crate::record::Record;
use crate::run::unaided;
use crate::settings::Settings;

/// What a merge found; what is missing or double is told, not refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MergeReport {
    /// Rows of the data set that are to be rewritten, by the mix ratio.
    pub asked: usize,
    /// Texts in the joined journal.
    pub texts: usize,
    /// Rows that no journal has a text for, in the order of the data set.
    pub missing: Vec<Id>,
    /// Rows with several texts, in the order of the data set.
    pub double: Vec<Double>,
    /// Texts for rows that the data set has not, left out of the joined journal.
    pub foreign: Vec<Id>,
}

/// A row that more than one journal row is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Double {
    /// The row.
    pub id: Id,
    /// The journals, in the order in which they were given; the first one's text is taken.
    pub journals: Vec<PathBuf>,
    /// Whether all journal rows are the same.
    pub equal: bool,
}

impl MergeReport {
    /// Whether every row has one text and no other text came along.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.double.is_empty() && self.foreign.is_empty()
    }
}

/// Joins journals of the same data set and settings into a new one, in the order of the data set.
///
/// With the template [`DistillTemplate::unaided`] they are those of
/// [`answer_unaided`](crate::answer_unaided()).
///
/// # Errors
///
/// [`DistillError::Data`] for a journal that is missing or broken; [`DistillError::Differs`] for one
/// that another model, sampler, template or seed wrote; [`DistillError::Setting`] where `joined`
/// exists already; and what [`distill`](crate::distill()) refuses of a data set.
pub fn merge(
    set: &DataSet,
    settings: &Settings,
    journals: &[PathBuf],
    joined: &Path,
) -> Result<MergeReport, DistillError> {
    if joined.exists() {
        return Err(DistillError::Setting {
            setting: "joined journal",
            expected: "a file that is not there yet".to_owned(),
            found: joined.display().to_string(),
        });
    }
    let alone = settings.template == DistillTemplate::unaided();
    let changed = alone.then(|| unaided(set, settings));
    let (set, settings) = changed
        .as_ref()
        .map_or((set, settings), |(set, settings)| (set, settings));
    let before = settings.prepared(set)?;
    let mut found = read(settings, journals)?;
    let mut report = MergeReport::default();
    let mut records = Vec::new();
    let wanted: Vec<Id> = asked(&before, settings)?
        .into_iter()
        .map(|asked| asked.request.id)
        .collect();
    report.asked = wanted.len();
    for id in wanted {
        let Some(mut texts) = found.remove(&id.to_string()) else {
            report.missing.push(id);
            continue;
        };
        if texts.len() > 1 {
            let equal = texts.iter().all(|(_, record)| *record == texts[0].1);
            let journals = texts.iter().map(|(at, _)| journals[*at].clone()).collect();
            report.double.push(Double {
                id,
                journals,
                equal,
            });
        }
        records.push(texts.swap_remove(0).1);
    }
    // Rows that a smaller mix leaves out are of the set all the same.
    for row in &before.rows {
        found.remove(&row.example.id.to_string());
    }
    let mut foreign: Vec<_> = found.into_values().collect();
    foreign.sort_by_key(|texts| texts[0].0);
    report.foreign = foreign
        .into_iter()
        .map(|texts| texts[0].1.id.clone())
        .collect();
    report.texts = records.len();
    write_atomically(joined, |out| {
        records.iter().try_for_each(|record| {
            serde_json::to_writer(&mut *out, record)?;
            out.write_all(b"\n")
        })
    })?;
    Ok(report)
}

/// All texts by id, each with the number of its journal; the journals stay as they are.
fn read(
    settings: &Settings,
    journals: &[PathBuf],
) -> Result<HashMap<String, Vec<(usize, Record)>>, DistillError> {
    let mut found: HashMap<String, Vec<_>> = HashMap::new();
    for (at, path) in journals.iter().enumerate() {
        for record in rows(path)? {
            if let Some(difference) = record.difference(settings, None) {
                return Err(DistillError::Differs {
                    path: path.clone(),
                    id: record.id,
                    difference: Box::new(difference),
                });
            }
            found
                .entry(record.id.to_string())
                .or_default()
                .push((at, record));
        }
    }
    Ok(found)
}

/// The rows of a journal that a machine may still be writing: a copy is opened, for opening cuts off
/// a torn last line.
fn rows(path: &Path) -> Result<Vec<Record>, DistillError> {
    let io = |source| DataError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    };
    let mut copy = path.as_os_str().to_owned();
    copy.push(".copy");
    let copy = PathBuf::from(copy);
    let copied =
        File::open(path).and_then(|mut from| io::copy(&mut from, &mut File::create(&copy)?));
    copied.map_err(io)?;
    let opened = Journal::open::<Record>(&copy);
    fs::remove_file(&copy).map_err(io)?;
    Ok(opened?.1)
}
