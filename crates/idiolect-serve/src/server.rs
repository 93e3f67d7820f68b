//! A server from its settings to its end: it listens, its models are opened once, and it answers until it is stopped.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::Utc;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use idiolect_completion::Progress;
use idiolect_lm::on_threads;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::http::{Io, Shared, TokioTimer, answer};
use crate::models::Models;
use crate::refusal::Refusal;
use crate::work::{Queue, Reply, work};
use crate::{Listening, ServeError, ServeEvent, ServeSettings, Tell};

/// How often the server looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long it waits for answers that are being sent when it stops.
const GRACE: Duration = Duration::from_secs(5);
/// Threads that turn bodies into tokens.
const READERS: usize = 2;
/// Bytes of a request's head.
const HEAD_BYTES: usize = 32 << 10;

/// A server that listens; it answers while [`Server::run`] runs.
pub struct Server {
    listener: std::net::TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Option<usize>,
}

impl Server {
    /// Takes the address and opens the models. Requests that come meanwhile wait until [`Server::run`].
    ///
    /// # Errors
    ///
    /// [`ServeError::Setting`] for settings out of range, [`ServeError::Address`] for an address at which nothing can
    /// listen, [`ServeError::Lm`] for a model or an adapter that cannot be opened.
    pub fn open(
        settings: &ServeSettings,
        progress: &dyn Progress,
        tell: Tell,
    ) -> Result<Self, ServeError> {
        settings.check()?;
        let refused = |source| ServeError::Address {
            address: settings.address,
            source,
        };
        let listener = std::net::TcpListener::bind(settings.address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let threads = settings.model.threads;
        let models = on_threads(threads, || {
            Models::open(&settings.model, &settings.adapters, progress)
        })?;
        let shared = Arc::new(Shared {
            models,
            limits: settings.limits,
            key: settings.key.clone(),
            queue: Queue::new(settings.limits.max_waiting),
            is_stopping: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
            number: AtomicU64::new(0),
            seed: settings.seed,
            begun: Utc::now().timestamp(),
            tell,
        });
        Ok(Self {
            listener,
            address,
            shared,
            threads,
        })
    }

    /// Where it listens, with the port that the system chose where none was given.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` is set: then nothing more is accepted, what waits is refused, the text under way
    /// breaks off, and what is there is sent.
    ///
    /// # Errors
    ///
    /// [`ServeError::Runtime`] where the system gives no thread.
    pub fn run(self, stop: &AtomicBool) -> Result<(), ServeError> {
        let runtime = runtime().map_err(ServeError::Runtime)?;
        let shared = Arc::clone(&self.shared);
        let worker = {
            let (shared, threads) = (Arc::clone(&shared), self.threads);
            std::thread::Builder::new()
                .name("model".into())
                .spawn(move || work(&shared.queue, threads, &shared.is_stopping))
                .map_err(ServeError::Runtime)?
        };
        (shared.tell)(&ServeEvent::Listening(Listening {
            address: self.address,
            models: shared.models.names().map(str::to_owned).collect(),
            key: shared.key.is_some(),
            limits: shared.limits,
        }));
        let served = runtime.block_on(async {
            let listener = TcpListener::from_std(self.listener)?;
            accept(&listener, &shared, stop).await;
            drop(listener);
            end(&shared).await;
            Ok(())
        });
        close(&shared);
        runtime.shutdown_timeout(LOOK);
        // The model ends with its next token; a panic of it has been told to its request.
        let _ = worker.join();
        (shared.tell)(&ServeEvent::Stopped);
        served.map_err(ServeError::Runtime)
    }
}

/// One thread for all connections, and a few for what takes long.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread()
        .max_blocking_threads(READERS)
        .enable_io()
        .enable_time()
        .build()
}

/// Takes connections until the server is to stop.
async fn accept(listener: &TcpListener, shared: &Arc<Shared>, stop: &AtomicBool) {
    let places = Arc::new(Semaphore::new(shared.limits.max_connections));
    let mut place = None;
    while !stop.load(Ordering::SeqCst) {
        if place.is_none() {
            let waited = timeout(LOOK, Arc::clone(&places).acquire_owned()).await;
            place = waited.ok().and_then(Result::ok);
            continue;
        }
        match timeout(LOOK, listener.accept()).await {
            Err(_) => {}
            Ok(Ok((stream, _))) => {
                if let Some(place) = place.take() {
                    tokio::spawn(connection(Arc::clone(shared), stream, place));
                }
            }
            Ok(Err(error)) => {
                let trouble = format!("a connection was not accepted: {error}");
                (shared.tell)(&ServeEvent::Trouble(trouble));
                sleep(LOOK).await;
            }
        }
    }
}

/// Serves a connection, which keeps its place until it is closed.
fn connection(
    shared: Arc<Shared>,
    stream: TcpStream,
    place: OwnedSemaphorePermit,
) -> impl Future<Output = ()> + Send {
    // Events are small, and each is to arrive when it is there.
    let _ = stream.set_nodelay(true);
    let patience = shared.limits.client_timeout;
    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer)
        .header_read_timeout(patience)
        .max_buf_size(HEAD_BYTES);
    let connection = server.serve_connection(Io::new(stream, patience), service);
    async move {
        // A client that goes away is told by the ticket of its request.
        let _ = connection.await;
        drop(place);
    }
}

/// Refuses what waits, and waits for what is being answered.
async fn end(shared: &Shared) {
    close(shared);
    let mut left = GRACE;
    while shared.busy.load(Ordering::SeqCst) > 0 && !left.is_zero() {
        sleep(LOOK).await;
        left = left.saturating_sub(LOOK);
    }
    // The last bytes are on their way when their answer is done.
    sleep(LOOK).await;
}

/// Lets the model end.
fn close(shared: &Shared) {
    shared.is_stopping.store(true, Ordering::SeqCst);
    for job in shared.queue.close() {
        job.send(Reply::Failed(Refusal::stopping()));
    }
}
