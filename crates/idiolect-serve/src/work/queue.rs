//! The line in which requests wait: bounded, first come first served, those left by their clients out of it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Job;

/// Requests that wait for the model.
pub(crate) struct Queue {
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

/// Why a request may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// So many wait already.
    Full(usize),
    /// The server is stopping.
    Closed,
}

impl Queue {
    /// A line for at most `most` requests.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request at the end.
    pub(crate) fn push(&self, job: Job) -> Result<(), NoPlace> {
        let mut state = self.state();
        if state.is_closed {
            return Err(NoPlace::Closed);
        }
        if state.jobs.len() >= self.most {
            state.jobs.retain(|waiting| !waiting.is_abandoned());
        }
        let waiting = state.jobs.len();
        if waiting >= self.most {
            return Err(NoPlace::Full(waiting));
        }
        state.jobs.push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    /// The first request, waited for; none once the line is closed.
    pub(crate) fn pop(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets nobody wait any more; those who did.
    pub(crate) fn close(&self) -> Vec<Job> {
        let mut state = self.state();
        state.is_closed = true;
        self.changed.notify_all();
        state.jobs.drain(..).collect()
    }
}
