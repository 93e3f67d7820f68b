//! Files from the Hugging Face Hub.

pub(crate) mod fetch;
