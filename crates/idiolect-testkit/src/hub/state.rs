//! What a server knows.

use std::sync::{Arc, Mutex};

use super::message::{Asked, Reply};
use super::repository::Repository;

/// What a server does to some requests instead of answering them well.
pub(crate) type Fault = dyn Fn(&Asked, Reply) -> Reply + Send + Sync;

/// What both hosts of a server know.
pub(crate) struct State {
    pub(crate) url: String,
    pub(crate) storage: String,
    pub(crate) repositories: Arc<Mutex<Vec<Repository>>>,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    pub(crate) fault: Box<Fault>,
}
