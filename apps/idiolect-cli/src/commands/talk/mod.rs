//! Commands that answer somebody: a user who types, programs over HTTP, and trainings that use a device.

pub(crate) mod chat;
pub(crate) mod lend;
pub(crate) mod serve;
