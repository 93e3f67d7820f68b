//! A run on its way: which rewrites are there, and what is taken from the writer.

use std::collections::HashMap;

use idiolect_data::{Id, Journal};

use crate::DistillError;
use crate::asked::Asked;
use crate::record::Record;
use crate::writer::{BoxError, Completion, RewriteRequest, TextToText};

/// The rewrites that there are, by position among the rows asked for.
pub(crate) struct Progress<'a> {
    asked: &'a [Asked<'a>],
    places: HashMap<String, usize>,
    requests: Vec<RewriteRequest>,
    journal: Journal,
    found: Vec<Option<Record>>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(
        asked: &'a [Asked<'a>],
        journal: Journal,
        found: Vec<Option<Record>>,
    ) -> Self {
        let places = asked.iter().enumerate();
        let places = places
            .map(|(at, asked)| (asked.request.id.to_string(), at))
            .collect();
        let request = |(asked, found): (&Asked<'_>, &Option<Record>)| RewriteRequest {
            done: found.is_some(),
            ..asked.request.clone()
        };
        let requests = asked.iter().zip(&found).map(request).collect();
        Self {
            asked,
            places,
            requests,
            journal,
            found,
        }
    }

    /// Has the missing rewrites written; returns all of them in the order of the rows.
    pub(crate) fn finish(
        mut self,
        writer: &mut dyn TextToText,
    ) -> Result<Vec<Record>, DistillError> {
        if self.found.iter().any(Option::is_none) {
            let requests = std::mem::take(&mut self.requests);
            let mut own = None;
            let written = writer.complete(&requests, &mut |completion| {
                self.take(&requests, completion).map_err(|error| {
                    own = Some(error);
                    BoxError::from("the rewrite was not taken")
                })
            });
            if let Some(error) = own {
                return Err(error);
            }
            let (done, asked) = (self.found.iter().flatten().count(), self.asked.len());
            written.map_err(|source| DistillError::Writer {
                done,
                asked,
                source,
            })?;
        }
        let missing = self
            .asked
            .iter()
            .zip(&self.found)
            .filter(|(_, found)| found.is_none());
        let missing: Vec<_> = missing.map(|(asked, _)| asked.request.id.clone()).collect();
        if missing.is_empty() {
            return Ok(self.found.into_iter().flatten().collect());
        }
        Err(unpaired([missing, vec![], vec![]]))
    }

    fn take(
        &mut self,
        requests: &[RewriteRequest],
        completion: Completion,
    ) -> Result<(), DistillError> {
        let Some(&at) = self.places.get(&completion.id.to_string()) else {
            return Err(unpaired([vec![], vec![completion.id], vec![]]));
        };
        if requests[at].done {
            return Ok(());
        }
        if self.found[at].is_some() {
            return Err(unpaired([vec![], vec![], vec![completion.id]]));
        }
        let record = self.asked[at].record(completion)?;
        self.journal.append(&record)?;
        self.found[at] = Some(record);
        Ok(())
    }
}

fn unpaired([missing, extra, repeated]: [Vec<Id>; 3]) -> DistillError {
    DistillError::Unpaired {
        origin: "the writer".to_owned(),
        missing,
        extra,
        repeated,
    }
}
