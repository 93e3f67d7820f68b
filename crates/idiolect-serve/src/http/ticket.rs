//! What is told of a request when it is over, however that comes: answered, refused, or left by its client.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Shared;
use crate::{Answered, ServeEvent};

/// A request under way; told when it is dropped.
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    pub(crate) began: Instant,
    request: String,
    pub(crate) model: Option<String>,
    pub(crate) prompt_tokens: usize,
    pub(crate) new_tokens: usize,
    pub(crate) status: Option<u16>,
    pub(crate) whole: bool,
    pub(crate) refusal: Option<String>,
}

impl Ticket {
    /// A request that has just come.
    pub(crate) fn new(shared: Arc<Shared>, request: String) -> Self {
        shared.busy.fetch_add(1, Ordering::SeqCst);
        Self {
            shared,
            began: Instant::now(),
            request,
            model: None,
            prompt_tokens: 0,
            new_tokens: 0,
            status: None,
            whole: false,
            refusal: None,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.busy.fetch_sub(1, Ordering::SeqCst);
        (self.shared.tell)(&ServeEvent::Answered(Answered {
            request: std::mem::take(&mut self.request),
            status: self.status,
            whole: self.whole,
            model: self.model.take(),
            prompt_tokens: self.prompt_tokens,
            new_tokens: self.new_tokens,
            took: self.began.elapsed(),
            refusal: self.refusal.take(),
        }));
    }
}
