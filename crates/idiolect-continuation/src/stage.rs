//! One journal of texts: what it has already, and what is still to be written.
//!
//! Requests go to the writer in windows that are a function of the data alone, so that a resumed run
//! gives it the same windows.

use std::collections::HashMap;
use std::path::PathBuf;

use idiolect_data::{Id, Journal};
use serde::de::IgnoredAny;

use crate::ContinuationError;
use crate::halve::document_seed;
use crate::record::{Identity, Made};
use crate::texts::{Place, Texts};
use crate::writer::{BoxError, Completion, ContinuationRequest, Prompt, TextToText};

/// What a stage is about.
pub(crate) struct Stage<'a> {
    pub(crate) name: &'static str,
    pub(crate) journal: PathBuf,
    pub(crate) identity: &'a Identity,
    pub(crate) form: String,
    pub(crate) seed: u64,
    pub(crate) window: usize,
}

/// A stage on its way.
struct Progress {
    journal: Journal,
    texts: Texts,
    asked: usize,
}

/// The requests of a window by id: their place in it, and whether their text is there.
type Pending = HashMap<String, (usize, bool)>;

impl Stage<'_> {
    /// Has every text written that the journal lacks; returns all of them.
    pub(crate) fn finish(
        &self,
        prompts: &mut dyn Iterator<Item = Result<(Id, Prompt), ContinuationError>>,
        writer: &mut dyn TextToText,
    ) -> Result<Texts, ContinuationError> {
        let (journal, _) = Journal::open::<IgnoredAny>(&self.journal)?;
        let texts = self.known()?;
        let mut progress = Progress {
            journal,
            texts,
            asked: 0,
        };
        loop {
            let window = prompts.take(self.window).collect::<Result<Vec<_>, _>>()?;
            if window.is_empty() {
                break;
            }
            self.write(window, &mut progress, writer)?;
        }
        self.known()
    }

    /// The journal's texts; refuses those of another teacher and those that stand there twice.
    fn known(&self) -> Result<Texts, ContinuationError> {
        let mut texts = Texts::open(&self.journal)?;
        let mut repeated = Vec::new();
        let mut at = Place::default();
        while let Some((made, next)) = texts.next::<Made>(at)? {
            let now = Made {
                identity: self.identity.clone(),
                form: self.form.clone(),
                seed: document_seed(self.seed, &made.id),
                ..made.clone()
            };
            self.refuse_other(&made, &now)?;
            if texts.note(&made.id, at) {
                repeated.push(made.id);
            }
            at = next;
        }
        if repeated.is_empty() {
            return Ok(texts);
        }
        Err(ContinuationError::unpaired(
            self.journal.display(),
            [vec![], vec![], repeated],
        ))
    }

    fn refuse_other(&self, old: &Made, now: &Made) -> Result<(), ContinuationError> {
        match old.difference(now).map(Box::new) {
            None => Ok(()),
            Some(difference) => Err(ContinuationError::Differs {
                path: self.journal.clone(),
                id: old.id.clone(),
                difference,
            }),
        }
    }

    fn write(
        &self,
        window: Vec<(Id, Prompt)>,
        progress: &mut Progress,
        writer: &mut dyn TextToText,
    ) -> Result<(), ContinuationError> {
        let Progress {
            journal,
            texts,
            asked,
        } = progress;
        *asked += window.len();
        let requests = self.requests(window, texts)?;
        if requests.iter().all(|request| request.done) {
            return Ok(());
        }
        let places = requests.iter().enumerate();
        let mut pending: Pending = places
            .map(|(at, request)| (request.id.to_string(), (at, request.done)))
            .collect();
        let mut own = None;
        let written = writer.complete(&requests, &mut |completion| {
            let taken = self.take(&requests, &mut pending, journal, completion);
            taken.map_err(|error| {
                own = Some(error);
                BoxError::from("the text was not taken")
            })
        });
        if let Some(error) = own {
            return Err(error);
        }
        let missing = requests.iter().map(|request| &request.id);
        let missing: Vec<Id> = missing
            .filter(|id| !pending[&id.to_string()].1)
            .cloned()
            .collect();
        written.map_err(|source| ContinuationError::Writer {
            stage: self.name,
            done: *asked - missing.len(),
            asked: *asked,
            source,
        })?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(ContinuationError::unpaired(
            "the writer",
            [missing, vec![], vec![]],
        ))
    }

    /// A window's requests; those that the journal has are held against it.
    fn requests(
        &self,
        window: Vec<(Id, Prompt)>,
        texts: &mut Texts,
    ) -> Result<Vec<ContinuationRequest>, ContinuationError> {
        let mut requests = Vec::with_capacity(window.len());
        for (id, prompt) in window {
            let old: Option<Made> = texts.get(&id)?;
            let seed = document_seed(self.seed, &id);
            let done = old.is_some();
            let request = ContinuationRequest {
                id,
                prompt,
                seed,
                done,
            };
            if let Some(old) = old {
                self.refuse_other(&old, &Made::new(&request, self.identity, &self.form))?;
            }
            requests.push(request);
        }
        Ok(requests)
    }

    fn take(
        &self,
        requests: &[ContinuationRequest],
        pending: &mut Pending,
        journal: &mut Journal,
        completion: Completion,
    ) -> Result<(), ContinuationError> {
        let Some((at, written)) = pending.get_mut(&completion.id.to_string()) else {
            return Err(ContinuationError::unpaired(
                "the writer",
                [vec![], vec![completion.id], vec![]],
            ));
        };
        let request = &requests[*at];
        if request.done {
            return Ok(());
        }
        if *written {
            return Err(ContinuationError::unpaired(
                "the writer",
                [vec![], vec![], vec![completion.id]],
            ));
        }
        let record = Made::new(request, self.identity, &self.form).record(completion);
        journal.append(&record)?;
        *written = true;
        Ok(())
    }
}
