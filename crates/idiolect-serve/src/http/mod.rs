//! Requests over HTTP/1.1: who may ask, where, and how answers are sent.

mod ask;
mod body;
mod guard;
mod io;
mod response;
mod routes;
mod ticket;
mod timer;

pub(crate) use io::Io;
pub(crate) use routes::answer;
pub(crate) use timer::TokioTimer;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use idiolect_http::Secret;

use crate::models::Models;
use crate::work::Queue;
use crate::{ServeLimits, Tell};

/// What every connection shares.
pub(crate) struct Shared {
    pub(crate) models: Models,
    pub(crate) limits: ServeLimits,
    pub(crate) key: Option<Secret>,
    pub(crate) queue: Queue,
    pub(crate) is_stopping: AtomicBool,
    /// Answers under way.
    pub(crate) busy: AtomicUsize,
    /// Requests so far.
    pub(crate) number: AtomicU64,
    pub(crate) seed: u64,
    /// When the server began, in seconds since 1970.
    pub(crate) begun: i64,
    pub(crate) tell: Tell,
}

impl Shared {
    /// The number of the next request.
    fn next_number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::SeqCst)
    }
}
