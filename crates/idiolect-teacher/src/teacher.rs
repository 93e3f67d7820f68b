//! Many requests under way at once, each tried until it is answered.
//!
//! Threads and not an asynchronous runtime: each request is minutes of waiting for one answer, a few
//! dozen at once are what servers take, and a thread for each costs nothing beside that.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use idiolect_completion::{BoxError, Completion, CompletionRequest};
use serde_json::Value;

use crate::budget::{Spending, Spent};
use crate::config::TeacherConfig;
use crate::error::TeacherError;
use crate::key::Key;
use crate::reply::{Answer, Billed, body, completion, only_model, usage};
use crate::request::Call;
use crate::server::{Failure, FailureKind, Server};
use crate::wait::{sleep, wait};

/// A model behind a server.
#[derive(Debug)]
pub struct Teacher {
    config: TeacherConfig,
    model: String,
    server: Server,
    spending: Spending,
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
        let url = config.check()?;
        let key = config.key_variable.as_deref();
        let key = key.map(Key::from_environment).transpose()?;
        let mut teacher = Self {
            server: Server::new(url, &config, key),
            model: config.model.clone().unwrap_or_default(),
            spending: Spending::default(),
            config,
        };
        if teacher.config.model.is_none() {
            teacher.model = teacher.only_model()?;
        }
        Ok(teacher)
    }

    /// The server's name for the model.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The base address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// How the server is asked.
    pub(crate) fn config(&self) -> &TeacherConfig {
        &self.config
    }

    /// What was spent so far.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.spending.spent()
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
        let calls = pending.map(|request| Call::new(&self.config, request));
        let calls = calls.collect::<Result<Vec<_>, _>>()?;
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, receiver) = channel();
        thread::scope(|scope| {
            for _ in 0..self.config.in_flight.min(calls.len()) {
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
            let Some(answer) = self.answer(call, stop).transpose() else {
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

    /// The answer to one request, after as many attempts as it takes; nothing when called off.
    fn answer(&self, call: &Call, stop: &AtomicBool) -> Result<Option<Completion>, TeacherError> {
        let body = body(&self.model, call, &self.config.extra);
        let most = most(call);
        for attempt in 1.. {
            let budget = &self.config.budget;
            if !self.spending.reserve(budget, most, call.id, stop)? {
                return Ok(None);
            }
            let found = self.attempt(call, &body);
            let really = match &found {
                Ok(answer) => spent(answer, most),
                Err(failure) => spent_in_vain(failure.billed, most),
            };
            self.spending.settle(most, really);
            let failure = match found {
                Ok(answer) => return Ok(Some(answer.completion)),
                Err(failure) => failure,
            };
            if !self.pause(call, attempt, failure.kind, stop)? {
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn attempt(&self, call: &Call, body: &Value) -> Result<Answer, Failure> {
        let reply = self.server.post(call.form.path(), body)?;
        completion(&reply, call).map_err(|found| Failure {
            kind: FailureKind::Again { found, wait: None },
            billed: usage(&reply).unwrap_or(Billed::Unknown),
        })
    }

    /// Waits before another attempt, or says why there will be none; false when called off.
    fn pause(
        &self,
        call: &Call,
        attempt: u32,
        failure: FailureKind,
        stop: &AtomicBool,
    ) -> Result<bool, TeacherError> {
        let (url, id) = (self.server.address(call.form.path()), call.id.clone());
        let (mut found, asked, hopeless) = match failure {
            FailureKind::Again { found, wait } => (found, wait, false),
            FailureKind::TooLong { found } => (found, None, true),
            FailureKind::Final { status, message } => {
                return Err(TeacherError::Status {
                    url,
                    id,
                    status,
                    message,
                });
            }
        };
        let retries = &self.config.retries;
        let impatient = asked.filter(|asked| *asked > retries.patience);
        if let Some(asked) = impatient {
            found = format!("{found}, and to wait {} s", asked.as_secs());
        }
        if hopeless || impatient.is_some() || attempt >= retries.attempts {
            return Err(TeacherError::GaveUp {
                url,
                id,
                attempts: attempt,
                expected: "a completion",
                found,
            });
        }
        let seed = self.config.seed ^ call.seed;
        Ok(sleep(wait(retries, seed, attempt, asked), stop))
    }

    fn only_model(&self) -> Result<String, TeacherError> {
        let gave_up = |found| TeacherError::GaveUp {
            url: self.server.address("models"),
            id: Value::Null,
            attempts: 1,
            expected: "one model, or the name of one in the settings",
            found,
        };
        match self.server.get("models") {
            Ok(reply) => only_model(&reply).map_err(gave_up),
            Err(failure) => Err(match failure.kind {
                FailureKind::Again { found, .. } | FailureKind::TooLong { found } => gave_up(found),
                FailureKind::Final { status, message } => TeacherError::Status {
                    url: self.server.address("models"),
                    id: Value::Null,
                    status,
                    message,
                },
            }),
        }
    }
}

/// What a request may cost at most: a token holds two bytes and more of any text but code of
/// punctuation marks.
fn most(call: &Call) -> Spent {
    Spent {
        attempts: 1,
        texts: 1,
        prompt_tokens: call.form.bytes().div_ceil(2) as u64,
        text_tokens: call.max_new_tokens as u64,
    }
}

/// What an answer cost; a server that does not count the prompt is taken to have read the most.
fn spent(answer: &Answer, most: Spent) -> Spent {
    let prompt = answer.prompt_tokens;
    Spent {
        attempts: 1,
        texts: 1,
        prompt_tokens: if prompt == 0 {
            most.prompt_tokens
        } else {
            prompt
        },
        text_tokens: answer.text_tokens,
    }
}

/// What an attempt cost that brought nothing; an answer that does not say is taken to have cost the most.
fn spent_in_vain(billed: Billed, most: Spent) -> Spent {
    let (prompt_tokens, text_tokens) = match billed {
        Billed::Nothing => (0, 0),
        Billed::Unknown => (most.prompt_tokens, most.text_tokens),
        Billed::Tokens { prompt, text } => (prompt, text),
    };
    Spent {
        attempts: 1,
        texts: 0,
        prompt_tokens,
        text_tokens,
    }
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
