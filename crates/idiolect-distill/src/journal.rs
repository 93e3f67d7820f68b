//! The journal of a distillation: its verdicts are this run's, whatever check wrote it.

pub(crate) mod asked;
mod fitting;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use idiolect_completion::{
    CompletionJournal, CompletionRequest, JournalRun, LogprobFile, StoredLogprobs, Writer,
    WriterIdentity,
};
use idiolect_data::{Dataset, Id, RunDir};

use crate::config::DistillConfig;
use crate::error::DistillError;
use crate::record::RewriteRecord;
use asked::Asked;
use fitting::Fitting;

/// The run of a distillation; `known` says of which ids a journal may have rows.
pub(crate) fn run<'a>(
    config: &'a DistillConfig,
    identity: WriterIdentity,
    known: impl Fn(&Id) -> bool + 'a,
) -> JournalRun<'a> {
    let seed = move |id: &Id| known(id).then(|| config.row_seed(id));
    JournalRun {
        form: config.template_name(),
        ..JournalRun::new("rewrites", identity, seed)
    }
}

/// Has the rewrites written that the journal lacks; returns all of them in the order of the rows.
///
/// Texts are costly and verdicts are not: a journal whose verdicts another check gave is written
/// anew with this run's, the texts untouched.
/// Rewrites of rows that a smaller mix leaves out stay in the journal and are not used.
pub(crate) fn records(
    path: &Path,
    set: &Dataset,
    config: &DistillConfig,
    asked: &[Asked<'_>],
    writer: &mut dyn Writer,
) -> Result<Vec<RewriteRecord>, DistillError> {
    let ids: HashSet<String> = set
        .rows
        .iter()
        .map(|row| row.example.id.to_string())
        .collect();
    let run = run(config, writer.identity(), |id| {
        ids.contains(&id.to_string())
    });
    let mut journal = CompletionJournal::open(path, run)?;
    let places = asked
        .iter()
        .map(|asked| (asked.request.id.to_string(), asked));
    let places: HashMap<String, &Asked<'_>> = places.collect();
    judge_anew(&mut journal, &places)?;
    let mut logprobs = logprob_file(path, config, &mut journal)?;
    let requests: Vec<CompletionRequest> =
        asked.iter().map(|asked| asked.request.clone()).collect();
    let mut writer = Fitting { writer };
    journal.finish(requests, &mut writer, &mut |made, completion| {
        // They are on the disk before the row that points to them.
        let stored = match (&mut logprobs, &completion.logprobs) {
            (Some(file), Some(found)) => Some(file.append(&completion.id, found)?),
            _ => None,
        };
        let record = places[&made.id.to_string()].record(made, completion)?;
        Ok(RewriteRecord {
            logprobs: stored,
            ..record
        })
    })
}

/// The file of distributions beside a journal, where they are to be recorded, without what no row points to.
fn logprob_file(
    path: &Path,
    config: &DistillConfig,
    journal: &mut CompletionJournal<'_, RewriteRecord>,
) -> Result<Option<LogprobFile>, DistillError> {
    let Some(head) = config.logprobs.clone() else {
        return Ok(None);
    };
    let rows = journal.rows()?;
    let ends = rows.iter().filter_map(|row| row.logprobs.as_ref());
    let tokens = ends.map(StoredLogprobs::behind).max().unwrap_or(0);
    let path = RunDir::logprobs_beside(path);
    Ok(Some(LogprobFile::open(&path, head, tokens)?))
}

fn judge_anew(
    journal: &mut CompletionJournal<'_, RewriteRecord>,
    places: &HashMap<String, &Asked<'_>>,
) -> Result<(), DistillError> {
    let (mut rows, mut stale) = (journal.rows()?, false);
    for row in &mut rows {
        let Some(asked) = places.get(&row.id.to_string()) else {
            continue;
        };
        journal.hold(row, &asked.request)?;
        let mut now = asked.record(journal.made(&asked.request), row.completion())?;
        // A prompt that was kept once stays.
        now.prompt = now.prompt.or_else(|| row.prompt.clone());
        now.logprobs.clone_from(&row.logprobs);
        stale |= *row != now;
        *row = now;
    }
    if stale {
        journal.replace(&rows)?;
    }
    Ok(())
}
