//! One request until it is answered: attempts, waits, costs, and what a server wants otherwise.

mod costs;
mod place;
mod tries;
mod wait;

use std::sync::atomic::{AtomicBool, Ordering};

use idiolect_completion::{Completion, Progress, Replies, ReplyCounter};
use serde_json::Value;

use crate::body::{LIMITS, body};
use crate::budget::Spending;
use crate::config::{LimitField, TeacherConfig};
use crate::error::TeacherError;
use crate::failure::{Billed, Failure, FailureKind, usage};
use crate::reply::{Answer, NoCompletion, completion, only_model};
use crate::request::{Call, Form};
use crate::server::Server;
use costs::{most, spent, spent_in_vain};
use place::Place;
use tries::Tries;
use wait::sleep;

/// A model behind a server, asked for one text at a time by each caller.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) config: TeacherConfig,
    pub(crate) model: String,
    pub(crate) server: Server,
    pub(crate) spending: Spending,
    /// The server refused `max_tokens` and wants the other name.
    wants_other_limit: AtomicBool,
    replies: ReplyCounter,
}

impl Asking {
    /// Asks the server for its model where none is named.
    pub(crate) fn open(
        config: TeacherConfig,
        server: Server,
        progress: &dyn Progress,
    ) -> Result<Self, TeacherError> {
        let mut asking = Self {
            model: config.model.clone().unwrap_or_default(),
            server,
            spending: Spending::default(),
            wants_other_limit: AtomicBool::new(false),
            replies: ReplyCounter::default(),
            config,
        };
        if asking.config.model.is_none() {
            asking.model = asking.only_model(progress)?;
        }
        Ok(asking)
    }

    pub(crate) fn replies(&self) -> Replies {
        self.replies.total()
    }

    /// The answer to one request, after as many attempts as it takes; nothing when called off.
    pub(crate) fn answer(
        &self,
        call: &Call,
        stop: &AtomicBool,
    ) -> Result<Option<Completion>, TeacherError> {
        let (budget, most) = (&self.config.budget, most(call));
        let mut tries = Tries::new(&self.config.retries, self.config.seed ^ call.seed);
        loop {
            if !self.spending.reserve(budget, most, call.id, stop)? {
                return Ok(None);
            }
            let limit = self.limit(call);
            let found = self.attempt(call, limit);
            let really = match &found {
                Ok(answer) => spent(answer, most),
                Err(failure) => spent_in_vain(failure.billed, most),
            };
            self.spending.settle(most, really);
            let failure = match found {
                Ok(answer) => return Ok(Some(self.counted(answer))),
                Err(failure) => failure.kind,
            };
            let place = Place {
                url: self.server.address(call.form.path()),
                id: call.id,
                expected: "a completion",
            };
            if !self.takes_other_limit(call, limit, &failure)
                && !sleep(place.pause(failure, &mut tries)?, stop)
            {
                return Ok(None);
            }
        }
    }

    fn attempt(&self, call: &Call, limit: &str) -> Result<Answer, Failure> {
        let body = body(&self.model, call, &self.config, limit);
        let reply = self.server.post(call.form.path(), &body)?;
        let wanted = (self.config.reasoning, self.config.logprobs.as_ref());
        completion(&reply, call, wanted).map_err(|error| Failure {
            kind: match error {
                NoCompletion::Passing(passing) => FailureKind::Again(passing),
                NoCompletion::OtherForm(found) => FailureKind::Unusable { found },
            },
            billed: usage(&reply).unwrap_or(Billed::Unknown),
        })
    }

    /// What the most new tokens are called in a request.
    fn limit(&self, call: &Call) -> &'static str {
        let other = match self.config.limit_field {
            LimitField::Auto => self.wants_other_limit.load(Ordering::Relaxed),
            LimitField::MaxTokens => false,
            LimitField::MaxCompletionTokens => true,
        };
        LIMITS[usize::from(other && matches!(call.form, Form::Chat(_)))]
    }

    /// Whether the other name is to be tried at once, after a refusal of the one that was sent.
    fn takes_other_limit(&self, call: &Call, sent: &str, failure: &FailureKind) -> bool {
        let is_refused = matches!(failure, FailureKind::OtherLimitField { .. });
        let may = self.config.limit_field == LimitField::Auto
            && matches!(call.form, Form::Chat(_))
            && !LIMITS
                .iter()
                .any(|name| self.config.extra.contains_key(*name));
        let takes = is_refused && may && sent == LIMITS[0];
        self.wants_other_limit.fetch_or(takes, Ordering::Relaxed);
        takes
    }

    fn counted(&self, answer: Answer) -> Completion {
        self.replies.add(answer.removed, answer.only_reasoning);
        answer.completion
    }

    fn only_model(&self, progress: &dyn Progress) -> Result<String, TeacherError> {
        let (mut tries, stop) = (
            Tries::new(&self.config.retries, self.config.seed),
            AtomicBool::new(false),
        );
        let place = Place {
            url: self.server.address("models"),
            id: &Value::Null,
            expected: "one model, or the name of one in the settings",
        };
        let unanswered = Place {
            url: place.url.clone(),
            id: place.id,
            expected: "the models of a server that runs there",
        };
        loop {
            let failure = match self.server.get("models") {
                Ok(reply) => match only_model(&reply) {
                    Ok(name) => return Ok(name),
                    Err(found) => FailureKind::Unusable { found },
                },
                Err(failure) => failure.kind,
            };
            if let FailureKind::Again(passing) = &failure {
                progress.note(&format!("{}: {}, asked again", place.url, passing.found));
            }
            let place = match failure {
                FailureKind::Unusable { .. } => &place,
                _ => &unanswered,
            };
            sleep(place.pause(failure, &mut tries)?, &stop);
        }
    }
}
