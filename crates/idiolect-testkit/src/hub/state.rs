//! What a server knows.

use std::collections::BTreeMap;
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
    /// Large files that came, by their hash.
    pub(crate) large: Mutex<BTreeMap<String, Vec<u8>>>,
    pub(crate) fault: Box<Fault>,
}
