//! Questions to a judge, and a journal of what it wrote.
//!
//! Who judges is the caller's: a server, a model of this process, a function of a test.
//! Its texts are kept as they are; what they say is read from the journal anew each time.

use std::collections::HashSet;
use std::path::Path;

use idiolect_completion::{
    Completion, CompletionError, CompletionJournal, CompletionRequest, JournalRow, JournalRun,
    Made, Prompt, Provenance, Writer,
};
use idiolect_data::{Id, Message, Role};
use serde::{Deserialize, Serialize};

use crate::error::EvalError;
use crate::request_hash::turns_hash;

/// A question to a judge: a system turn, where the benchmark has one, and the user's.
pub(crate) fn judge_request(id: String, system: &str, question: String) -> CompletionRequest {
    let turn = |role, content| Message::new(role, content);
    let system = (!system.is_empty()).then(|| turn(Role::System, system.to_owned()));
    let turns = system.into_iter().chain([turn(Role::User, question)]);
    CompletionRequest::new(id.into(), Prompt::Chat(turns.collect()), 0)
}

/// One line of the journal. It holds no writer: the folder's `judge.json` says who judges.
#[derive(Debug, Serialize, Deserialize)]
struct Judgement {
    id: Id,
    /// SHA-256 of the turns.
    request: String,
    text: String,
}

impl JournalRow for Judgement {
    const PROMPT: &'static str = "request";

    fn id(&self) -> &Id {
        &self.id
    }

    fn provenance(&self) -> Provenance<'_> {
        Provenance {
            prompt_sha256: Some(&self.request),
            ..Provenance::default()
        }
    }
}

/// The judge's text for every request, in their order; those that `journal` has are not asked again.
///
/// A journal belongs to one judge, which is the caller's to keep apart. It may have rows of ids that are not asked
/// for and that `known` knows, so that a shorter run can be looked at.
///
/// # Errors
///
/// [`EvalError::Journal`] where the same id was another question; [`EvalError::JournalIds`] for rows of ids that
/// are not known, or that stand twice; [`EvalError::Judge`]; [`EvalError::Data`].
#[allow(clippy::implicit_hasher, reason = "ids are kept in the standard one")]
pub fn judge_all(
    requests: Vec<CompletionRequest>,
    known: &HashSet<String>,
    judge: &mut dyn Writer,
    journal: &Path,
) -> Result<Vec<String>, EvalError> {
    let run = JournalRun {
        prompt_sha256: Box::new(|request| turns_hash(&request.prompt)),
        ..JournalRun::new("judgements", judge.identity(), |id| {
            known.contains(id.as_str()?).then_some(0)
        })
    };
    let row = &mut |made: Made, completion: Completion| {
        Ok::<_, CompletionError>(Judgement {
            id: made.id,
            request: made.prompt_sha256,
            text: completion.text,
        })
    };
    let mut open = CompletionJournal::open(journal, run).map_err(of_journal)?;
    let rows = open.finish(requests, judge, row).map_err(of_judge)?;
    Ok(rows.into_iter().map(|row| row.text).collect())
}

/// An error of opening the journal.
fn of_journal(error: CompletionError) -> EvalError {
    match error {
        unpaired @ CompletionError::Unpaired { .. } => EvalError::JournalIds(unpaired),
        other => of_judge(other),
    }
}

/// An error of the journal as one of judging.
fn of_judge(error: CompletionError) -> EvalError {
    let bare = |json: &str| json.trim_matches('"').to_owned();
    match error {
        CompletionError::Data(source) => source.into(),
        CompletionError::Differs {
            path,
            id,
            difference,
        } => EvalError::Journal {
            path,
            id,
            expected: bare(&difference.now),
            found: bare(&difference.journal),
        },
        other => EvalError::Judge {
            source: other.into(),
        },
    }
}
