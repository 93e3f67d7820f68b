//! Bodies: those of requests up to a length and in time, those of answers whole or event by event.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use idiolect_input::counted;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::ticket::Ticket;
use crate::ServeLimits;
use crate::refusal::Refusal;
use crate::reply::Events;
use crate::work::Reply;

/// A body that is too long is read on to so many times its bound, so that its client sees the refusal.
const READ_ON: usize = 16;

/// Reads the body of a request.
pub(super) async fn read(body: Incoming, limits: &ServeLimits) -> Result<Vec<u8>, Refusal> {
    let most = limits.max_body_bytes;
    match timeout(limits.client_timeout, collect(body, most)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(Refusal::request(
            413,
            format!("the body has more than {most} bytes"),
        )),
        Ok(Err(error)) => Err(Refusal::request(
            400,
            format!("the body broke off: {error}"),
        )),
        Err(_) => {
            let seconds = limits.client_timeout.as_secs_f64();
            let message = format!(
                "the body did not come within {}",
                counted(seconds, "second", "seconds")
            );
            Err(Refusal::request(408, message))
        }
    }
}

/// The bytes of a body; none where there are more than `most`.
async fn collect(mut body: Incoming, most: usize) -> Result<Option<Vec<u8>>, hyper::Error> {
    let mut bytes = Vec::new();
    let mut length = 0_usize;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length <= most {
            bytes.extend_from_slice(&data);
        } else if length > most.saturating_mul(READ_ON) {
            return Ok(None);
        } else {
            bytes = Vec::new();
        }
    }
    Ok((length <= most).then_some(bytes))
}

/// The body of an answer.
pub(crate) struct ReplyBody {
    content: Content,
    ticket: Ticket,
}

enum Content {
    Whole(Option<Bytes>),
    Events(Box<Streaming>),
}

/// Events as the model writes.
struct Streaming {
    events: Events,
    replies: UnboundedReceiver<Reply>,
    ready: VecDeque<Bytes>,
    deadline: Pin<Box<Sleep>>,
    most: Duration,
    is_over: bool,
}

impl ReplyBody {
    /// A body that is there already.
    pub(super) fn whole(bytes: impl Into<Bytes>, ticket: Ticket) -> Self {
        Self {
            content: Content::Whole(Some(bytes.into())),
            ticket,
        }
    }

    /// Events, of which the first piece is there, until `most` after the request came.
    pub(super) fn events(
        events: Events,
        (first, replies): (Reply, UnboundedReceiver<Reply>),
        most: Duration,
        ticket: Ticket,
    ) -> Self {
        let deadline = Instant::from_std(ticket.began) + most;
        let mut streaming = Streaming {
            events,
            replies,
            ready: VecDeque::new(),
            deadline: Box::pin(sleep_until(deadline)),
            most,
            is_over: false,
        };
        streaming.take(first);
        Self {
            content: Content::Events(Box::new(streaming)),
            ticket,
        }
    }
}

impl Streaming {
    fn take(&mut self, reply: Reply) {
        self.is_over = matches!(reply, Reply::End | Reply::Failed(_));
        self.ready.push_back(self.events.of(reply).into());
    }

    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(bytes));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            if self.deadline.as_mut().poll(context).is_ready() {
                // The model learns that nobody waits.
                self.replies.close();
                self.take(Reply::Failed(Refusal::too_slow(self.most)));
                continue;
            }
            match self.replies.poll_recv(context) {
                Poll::Ready(Some(reply)) => self.take(reply),
                Poll::Ready(None) => {
                    self.take(Reply::Failed(Refusal::fault("the model gave no more")));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Self { content, ticket } = &mut *self;
        let next = match content {
            Content::Whole(bytes) => {
                ticket.whole = true;
                Poll::Ready(bytes.take())
            }
            Content::Events(streaming) => {
                let next = streaming.next(context);
                ticket.new_tokens = streaming.events.new_tokens();
                ticket.whole = matches!(next, Poll::Ready(None));
                next
            }
        };
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(length as u64)
            }
            Content::Events(_) => SizeHint::default(),
        }
    }
}
