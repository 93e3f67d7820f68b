//! A value written as indented JSON.

use std::path::Path;

use idiolect_data::write_atomically;
use serde::Serialize;

use crate::error::DistillError;

/// Writes a value as indented JSON, whole or not at all.
pub(crate) fn write_json<T: Serialize>(value: &T, path: &Path) -> Result<(), DistillError> {
    Ok(write_atomically(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    })?)
}
