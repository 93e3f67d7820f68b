//! Files from the Hugging Face Hub, and to it.

pub(crate) mod fetch;
pub(crate) mod push;
