//! A Hub on loopback: repositories in memory, asked as Hugging Face's is, with accounts, terms, redirections and
//! faults.
//!
//! What it says is what `huggingface_hub` 2.4 reads (`file_download.py`, `hf_api.py`, `utils/_http.py`); the check
//! with that client is a test of `idiolect-hub`.

mod answer;
mod exchange;
mod message;
mod repository;
mod state;
mod writing;

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

pub use message::{Asked, Reply};
pub use repository::{Access, GOOD_TOKEN, POOR_TOKEN, Repository, sha256};
use state::State;

use crate::TestkitError;

/// A Hub and its second host for large files, until the process ends.
#[derive(Debug, Clone)]
pub struct HubServer {
    /// For `HF_ENDPOINT`.
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    repositories: Arc<Mutex<Vec<Repository>>>,
}

impl HubServer {
    /// A server of these repositories.
    ///
    /// # Errors
    ///
    /// [`TestkitError::Port`] where this machine gives no port.
    pub fn start(repositories: Vec<Repository>) -> Result<Self, TestkitError> {
        Self::with_fault(repositories, |_, reply| reply)
    }

    /// A server whose answers `fault` may change.
    ///
    /// # Errors
    ///
    /// [`TestkitError::Port`] where this machine gives no port.
    pub fn with_fault(
        repositories: Vec<Repository>,
        fault: impl Fn(&Asked, Reply) -> Reply + Send + Sync + 'static,
    ) -> Result<Self, TestkitError> {
        let ((hub, url), (storage, storage_url)) = (bind()?, bind()?);
        let server = Self {
            url: url.clone(),
            asked: Arc::default(),
            repositories: Arc::new(Mutex::new(repositories)),
        };
        let state = Arc::new(State {
            url,
            storage: storage_url,
            repositories: server.repositories.clone(),
            asked: server.asked.clone(),
            large: Mutex::default(),
            fault: Box::new(fault),
        });
        for listener in [hub, storage] {
            let state = state.clone();
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let state = state.clone();
                    thread::spawn(move || exchange::serve(&state, &stream));
                }
            });
        }
        Ok(server)
    }

    /// What was asked so far, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().map(|all| all.clone()).unwrap_or_default()
    }

    /// Method and path of what was asked since the last call of this.
    #[must_use]
    pub fn take_lines(&self) -> Vec<String> {
        let mut all = self
            .asked
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let lines = all
            .drain(..)
            .map(|asked| format!("{} {}", asked.method, asked.path));
        lines.collect()
    }

    /// A repository as it is now.
    #[must_use]
    pub fn repository(&self, place: &str) -> Option<Repository> {
        let all = self
            .repositories
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        all.iter().find(|own| own.place == place).cloned()
    }

    /// Puts another repository in the place of one.
    pub fn replace(&self, repository: Repository) {
        let mut all = self
            .repositories
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        all.retain(|old| old.place != repository.place);
        all.push(repository);
    }
}

/// A free port and its address.
fn bind() -> Result<(TcpListener, String), TestkitError> {
    let port = |source| TestkitError::Port { source };
    let listener = TcpListener::bind("127.0.0.1:0").map_err(port)?;
    let address = listener.local_addr().map_err(port)?;
    Ok((listener, format!("http://{address}")))
}
