//! The requests that a writer is given at once, and which of their texts are there.

use std::collections::HashMap;

use idiolect_data::Id;

use crate::error::{CompletionError, Unpaired};
use crate::request::CompletionRequest;

/// The requests of one call of a writer.
pub(crate) struct Window<'a> {
    requests: &'a [CompletionRequest],
    places: HashMap<String, usize>,
    /// Which texts are there, by place.
    there: Vec<bool>,
}

impl<'a> Window<'a> {
    /// Refuses requests with the same id.
    pub(crate) fn new(requests: &'a [CompletionRequest]) -> Result<Self, CompletionError> {
        let (mut places, mut unpaired) = (HashMap::new(), Unpaired::default());
        for (at, request) in requests.iter().enumerate() {
            if places.insert(request.id.to_string(), at).is_some() {
                unpaired.repeated.push(request.id.clone());
            }
        }
        unpaired.check("the requests")?;
        Ok(Self {
            requests,
            places,
            there: requests.iter().map(|request| request.done).collect(),
        })
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.there.iter().all(|there| *there)
    }

    /// The request whose text has come; nothing for one that was done before.
    pub(crate) fn take(
        &mut self,
        id: &Id,
    ) -> Result<Option<&'a CompletionRequest>, CompletionError> {
        let mut unpaired = Unpaired::default();
        let Some(&at) = self.places.get(&id.to_string()) else {
            unpaired.extra.push(id.clone());
            unpaired.check("the writer")?;
            return Ok(None);
        };
        if self.requests[at].done {
            return Ok(None);
        }
        if std::mem::replace(&mut self.there[at], true) {
            unpaired.repeated.push(id.clone());
            unpaired.check("the writer")?;
        }
        Ok(Some(&self.requests[at]))
    }

    /// Ids whose text has not come.
    pub(crate) fn missing(&self) -> Vec<Id> {
        let missing = self.requests.iter().zip(&self.there);
        let missing = missing.filter(|(_, there)| !**there);
        missing.map(|(request, _)| request.id.clone()).collect()
    }
}
