//! Commands that answer somebody: a user who types, and programs over HTTP.

pub(crate) mod chat;
pub(crate) mod serve;
