//! A request for text: read, put into the line, and answered whole or as events.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::Utc;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::body::{ReplyBody, read};
use super::response::{refused, with_json};
use super::ticket::Ticket;
use crate::api::{Asked, Context, Form, chat, completion};
use crate::refusal::Refusal;
use crate::reply::{Events, Head, Whole};
use crate::work::{Job, NoPlace, Reply};

/// Answers a request for text.
pub(super) async fn ask(
    shared: Arc<Shared>,
    form: Form,
    body: Incoming,
    mut ticket: Ticket,
) -> Response<ReplyBody> {
    let answered = match read(body, &shared.limits).await {
        Ok(bytes) => answer(&shared, form, bytes, &mut ticket).await,
        Err(refusal) => Err(refusal),
    };
    match answered {
        Ok(Answer::Whole(whole)) => {
            ticket.status = Some(200);
            ticket.new_tokens = whole.new_tokens();
            with_json(&whole.json(), ticket)
        }
        Ok(Answer::Events(events, first, replies)) => {
            ticket.status = Some(200);
            let most = shared.limits.timeout;
            let body = ReplyBody::events(*events, (first, replies), most, ticket);
            let mut response = Response::new(body);
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            response
        }
        Err(refusal) => refused(&refusal, ticket),
    }
}

/// An answer, or the beginning of one.
enum Answer {
    Whole(Whole),
    Events(Box<Events>, Reply, UnboundedReceiver<Reply>),
}

async fn answer(
    shared: &Arc<Shared>,
    form: Form,
    bytes: Vec<u8>,
    ticket: &mut Ticket,
) -> Result<Answer, Refusal> {
    let number = shared.next_number();
    let asked = parsed(shared, form, bytes, number).await?;
    ticket.model = Some(asked.name.clone());
    ticket.prompt_tokens = asked.prompt_tokens();
    let head = Head::new(&asked, number, Utc::now().timestamp());
    let stream = asked.stream;
    let (sender, mut replies) = unbounded_channel();
    let job = Job {
        asked,
        replies: sender,
    };
    shared.queue.push(job).map_err(|no| match no {
        NoPlace::Full(waiting) => Refusal::busy(waiting),
        NoPlace::Closed => Refusal::stopping(),
    })?;
    let mut next = async || {
        let most = shared.limits.timeout;
        let deadline = Instant::from_std(ticket.began) + most;
        match timeout_at(deadline, replies.recv()).await {
            Ok(Some(Reply::Failed(refusal))) => Err(refusal),
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(Refusal::fault("the model gave no answer")),
            Err(_) => Err(Refusal::too_slow(most)),
        }
    };
    if let Some(streamed) = stream {
        let first = next().await?;
        let events = Box::new(Events::new(head, streamed));
        return Ok(Answer::Events(events, first, replies));
    }
    let mut whole = Whole::new(head);
    loop {
        match next().await? {
            Reply::End => return Ok(Answer::Whole(whole)),
            reply => whole.add(reply),
        }
    }
}

/// Reads a body away from the connections: a long prompt takes a while to become tokens.
async fn parsed(
    shared: &Arc<Shared>,
    form: Form,
    bytes: Vec<u8>,
    number: u64,
) -> Result<Asked, Refusal> {
    if shared.is_stopping.load(Ordering::SeqCst) {
        return Err(Refusal::stopping());
    }
    let shared = Arc::clone(shared);
    let read = move || {
        let context = Context {
            models: &shared.models,
            limits: &shared.limits,
            seed: idiolect_generate::Request::row_seed(
                shared.seed,
                usize::try_from(number).unwrap_or_default(),
            ),
        };
        match form {
            Form::Completion => completion(&bytes, context),
            Form::Chat => chat(&bytes, context),
        }
    };
    let done = spawn_blocking(read).await;
    done.unwrap_or_else(|error| Err(Refusal::fault(format!("the request was not read: {error}"))))
}
