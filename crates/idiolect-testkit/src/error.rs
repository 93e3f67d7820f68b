//! Why a device or a golden file cannot be used.

use std::path::PathBuf;

use safetensors::{Dtype, SafeTensorError};
use thiserror::Error;

/// Why a device or a golden file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TestkitError {
    /// A device of another name.
    #[error("IDIOLECT_DEVICE: expected a device that is compiled in, found {found}")]
    Device {
        /// The name.
        found: String,
    },
    /// A file that cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A row of JSON Lines that is not as it should be.
    #[error("row {row}: expected {expected}, found {found}")]
    Row {
        /// The row, from 0.
        row: usize,
        /// What it should have.
        expected: &'static str,
        /// The row, or the value in it.
        found: String,
    },
    /// Something else where a number should be.
    #[error("{what}: expected a number, found {found}")]
    Number {
        /// What it is the number of.
        what: &'static str,
        /// What stands there.
        found: String,
    },
    /// A machine without a port for a server of tests.
    #[error("127.0.0.1: expected a free port, found {source}")]
    Port {
        /// Why there is none.
        source: std::io::Error,
    },
    /// A file of another format.
    #[error("{}: expected a safetensors file, found {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SafeTensorError,
    },
    /// A tensor that a file does not have.
    #[error("{}: {tensor}: {source}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Why not.
        source: SafeTensorError,
    },
    /// A tensor of another type.
    #[error("{}: {tensor}: expected {expected:?}, found {found:?}", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The type asked for.
        expected: Dtype,
        /// Its type.
        found: Dtype,
    },
}
