//! The journals of several machines brought together into one.
//!
//! What is joined are texts, not data sets: [`distill`](crate::distill()) with the joined journal
//! then judges and exports them, exactly as one machine would have, and asks for what is missing.

mod distributions;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use idiolect_completion::{CompletionError, WriterIdentity};
use idiolect_data::{DataError, Dataset, Id, Journal, write_json};
use serde::Serialize;

use crate::config::DistillConfig;
use crate::error::DistillError;
use crate::files::DistillFiles;
use crate::journal::asked::asked;
use crate::journal::run;
use crate::record::RewriteRecord;
use crate::run::unaided;
use crate::shard::Shard;
use distributions::Distributions;

/// What a merge found; what is missing or double is told, not refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MergedShards {
    /// Rows of the data set that are to be rewritten, by the mix ratio.
    pub asked: usize,
    /// Texts in the joined journal.
    pub texts: usize,
    /// Rows that no journal has a text for, in the order of the data set.
    pub missing: Vec<Id>,
    /// Rows with several texts, in the order of the data set.
    pub double: Vec<DuplicateRow>,
    /// Texts for rows that the data set has not, left out of the joined journal.
    pub foreign: Vec<Id>,
}

/// A row that more than one journal row is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DuplicateRow {
    /// The row.
    pub id: Id,
    /// The journals, in the order in which they were given; the first one's text is taken.
    pub journals: Vec<PathBuf>,
    /// Whether all journal rows are the same.
    pub equal: bool,
}

impl MergedShards {
    /// What a user should know of a complete merge, in one line: texts that are double or for no row.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let Self {
            double, foreign, ..
        } = self;
        let unequal = double.iter().filter(|double| !double.equal).count();
        (!double.is_empty() || !foreign.is_empty()).then(|| {
            format!(
                "{} double rows ({unequal} of them unlike), {} of no row: see merge.json",
                double.len(),
                foreign.len()
            )
        })
    }

    /// Whether every row has one text and no other text came along.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.double.is_empty() && self.foreign.is_empty()
    }
}

/// Joins journals of the same data set and settings into a new one, in the order of the data set.
///
/// With the template [`DistillTemplate::unaided`](idiolect_prompt::DistillTemplate::unaided) they are those
/// of [`answer_unaided`](crate::answer_unaided()).
/// The journals are read and left as they are, even where a machine still writes to one.
///
/// # Errors
///
/// [`DistillError::Completion`] for a journal that is missing or broken, and for one that another model,
/// sampler, template or seed wrote; [`DistillError::Setting`] where `joined` exists already; and what [`distill`](crate::distill()) refuses of a data set.
pub fn join_shards(
    set: &Dataset,
    config: &DistillConfig,
    identity: &WriterIdentity,
    journals: &[PathBuf],
    joined: &Path,
) -> Result<MergedShards, DistillError> {
    if joined.exists() {
        return Err(DistillError::Setting {
            setting: "joined journal",
            expected: "a file that is not there yet".to_owned(),
            found: joined.display().to_string(),
        });
    }
    let changed = config.is_unaided().then(|| unaided(set, config));
    let (set, config) = changed
        .as_ref()
        .map_or((set, config), |(set, config)| (set, config));
    let before = config.prepared(set)?;
    let mut found = read(config, identity, journals)?;
    let mut report = MergedShards::default();
    let mut distributions = Distributions::new(config, journals, joined)?;
    let mut records = Vec::new();
    let wanted: Vec<Id> = asked(&before, config)?
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
            let equal = texts.iter().all(|(_, record)| same(record, &texts[0].1));
            let journals = texts.iter().map(|(at, _)| journals[*at].clone()).collect();
            report.double.push(DuplicateRow {
                id,
                journals,
                equal,
            });
        }
        let (at, record) = texts.swap_remove(0);
        records.push(distributions.joined(at, record)?);
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
    Journal::write(joined, &records)?;
    Ok(report)
}

/// [`join_shards`] into the journal of a folder; the report is written beside it.
///
/// `from` are journals of parts, or the folders that they are in.
/// [`distill_into`](crate::distill_into()) with the folder then judges and exports.
///
/// # Errors
///
/// As [`join_shards`]; [`DistillError::Setting`] for a folder without journals; and [`DistillError::Incomplete`]
/// where rows are missing, after everything is written.
pub fn merge_into(
    set: &Dataset,
    config: &DistillConfig,
    identity: &WriterIdentity,
    from: &[PathBuf],
    folder: &Path,
) -> Result<MergedShards, DistillError> {
    let files = DistillFiles::new(folder, Shard::WHOLE);
    let joined = files.journal();
    if let Some(parent) = joined.parent() {
        fs::create_dir_all(parent).map_err(io_error(parent, "create"))?;
    }
    let report = join_shards(set, config, identity, &journals(from)?, &joined)?;
    write_json(&files.merge(), &report)?;
    if report.missing.is_empty() {
        return Ok(report);
    }
    Err(DistillError::Incomplete {
        path: joined,
        asked: report.asked,
        missing: report.missing,
    })
}

/// Whether two rows say the same, wherever their distributions stand.
fn same(a: &RewriteRecord, b: &RewriteRecord) -> bool {
    let placeless = |record: &RewriteRecord| {
        let mut record = record.clone();
        if let Some(stored) = &mut record.logprobs {
            stored.offset = 0;
        }
        record
    };
    placeless(a) == placeless(b)
}

/// The journals themselves, and those of the folders, in the order of their names.
fn journals(from: &[PathBuf]) -> Result<Vec<PathBuf>, DistillError> {
    let mut all = Vec::new();
    for path in from {
        if path.is_dir() {
            all.extend(within(&path.join("journal"))?);
        } else {
            all.push(path.clone());
        }
    }
    Ok(all)
}

fn within(journal: &Path) -> Result<Vec<PathBuf>, DistillError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(journal).map_err(io_error(journal, "read"))? {
        let path = entry.map_err(io_error(journal, "read"))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("rewrites") && name.ends_with(".jsonl") {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(DistillError::Setting {
            setting: "from",
            expected: "a folder with journal/rewrites*.jsonl".to_owned(),
            found: journal.display().to_string(),
        });
    }
    Ok(found)
}

fn io_error(path: &Path, action: &'static str) -> impl Fn(std::io::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Io {
        path: path.clone(),
        action,
        source,
    }
}

/// All texts by id, each with the number of its journal; the journals stay as they are.
fn read(
    config: &DistillConfig,
    identity: &WriterIdentity,
    journals: &[PathBuf],
) -> Result<HashMap<String, Vec<(usize, RewriteRecord)>>, DistillError> {
    let run = run(config, identity.clone(), |_| true);
    let mut found: HashMap<String, Vec<_>> = HashMap::new();
    for (at, path) in journals.iter().enumerate() {
        let rows = Journal::read::<RewriteRecord>(path).map_err(CompletionError::from)?;
        for record in rows {
            run.hold(path, &record)?;
            found
                .entry(record.id.to_string())
                .or_default()
                .push((at, record));
        }
    }
    Ok(found)
}
