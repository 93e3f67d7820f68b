//! Many requests under way at once, each tried until it is answered.
//!
//! Threads and not an asynchronous runtime: each request is minutes of waiting for one answer, a few
//! dozen at once are what servers take, and a thread for each costs nothing beside that.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use idiolect_completion::{BoxError, Completion, CompletionRequest, Progress, Quiet, Replies};
use idiolect_http::Secret;

use crate::asking::Asking;
use crate::budget::Spent;
use crate::config::TeacherConfig;
use crate::error::TeacherError;
use crate::request::Call;
use crate::server::Server;

/// A model behind a server.
#[derive(Debug)]
pub struct Teacher {
    asking: Asking,
}

impl Teacher {
    /// Reads the key from the environment, and asks the server for its model where none is named.
    ///
    /// # Errors
    ///
    /// [`TeacherError::Setting`], [`TeacherError::Key`]; where the model is asked for,
    /// [`TeacherError::GaveUp`] for a server that does not answer or serves another number of models
    /// than one, and [`TeacherError::Status`].
    pub fn new(config: TeacherConfig) -> Result<Self, TeacherError> {
        Self::open(config, &Quiet)
    }

    /// [`Self::new`] that tells when the server makes it wait.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn open(config: TeacherConfig, progress: &dyn Progress) -> Result<Self, TeacherError> {
        let url = config.check()?;
        let key = config.key_variable.as_deref();
        let key = key.map(key_of).transpose()?;
        let server = Server::new(url, &config, key);
        let asking = Asking::open(config, server, progress)?;
        Ok(Self { asking })
    }

    /// The server's name for the model.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.asking.model
    }

    /// The base address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.asking.server.url
    }

    /// How the server is asked.
    pub(crate) fn config(&self) -> &TeacherConfig {
        &self.asking.config
    }

    /// What was spent so far.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.asking.spending.spent()
    }

    /// How many texts had reasoning so far.
    #[must_use]
    pub fn replies(&self) -> Replies {
        self.asking.replies()
    }

    /// Has every request that is not done answered, in any order, and hands over each completion as it
    /// arrives, on the caller's thread.
    ///
    /// What a request overrides holds for it alone; its stops are added to those of the settings.
    ///
    /// After an error no further request is sent; those under way are waited for, and what they
    /// bring is handed over too.
    ///
    /// # Errors
    ///
    /// [`TeacherError::Request`] for a rendered prompt and for overrides out of range, before anything is
    /// sent; then the first of [`TeacherError::Status`], [`TeacherError::GaveUp`], [`TeacherError::Budget`] and
    /// [`TeacherError::Taken`], the last where `on_done` fails; it is not called again then.
    pub fn complete(
        &self,
        requests: &[CompletionRequest],
        on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
    ) -> Result<(), TeacherError> {
        let pending = requests.iter().filter(|request| !request.done);
        let calls = pending.map(|request| Call::new(&self.asking.config, request));
        let calls = calls.collect::<Result<Vec<_>, _>>()?;
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, receiver) = channel();
        thread::scope(|scope| {
            for _ in 0..self.asking.config.in_flight.min(calls.len()) {
                let sender = sender.clone();
                scope.spawn(|| self.work(&calls, &next, &stop, sender));
            }
            drop(sender);
            hand_over(&receiver, &stop, on_done)
        })
    }

    fn work(
        &self,
        calls: &[Call],
        next: &AtomicUsize,
        stop: &AtomicBool,
        sender: Sender<Result<Completion, TeacherError>>,
    ) {
        while let Some(call) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(answer) = self.asking.answer(call, stop).transpose() else {
                return;
            };
            if answer.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            // The receiver lives until all senders are gone.
            if sender.send(answer).is_err() || stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

fn key_of(variable: &str) -> Result<Secret, TeacherError> {
    Secret::from_environment(variable).map_err(|error| TeacherError::Key {
        variable: variable.to_owned(),
        found: error.found,
    })
}

/// Gives completions to the caller until all senders are gone.
fn hand_over(
    receiver: &Receiver<Result<Completion, TeacherError>>,
    stop: &AtomicBool,
    on_done: &mut dyn FnMut(Completion) -> Result<(), BoxError>,
) -> Result<(), TeacherError> {
    let (mut first, mut taken) = (None, true);
    for answer in receiver {
        let error = match answer {
            Ok(completion) if taken => {
                let id = completion.id.clone();
                let done = on_done(completion);
                taken = done.is_ok();
                done.err().map(|source| TeacherError::Taken { id, source })
            }
            Ok(_) => None,
            Err(error) => Some(error),
        };
        if let Some(error) = error {
            stop.store(true, Ordering::Relaxed);
            first.get_or_insert(error);
        }
    }
    first.map_or(Ok(()), Err)
}
