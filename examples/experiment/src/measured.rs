//! What a cell came to: its result, where that lies, and the hashes of the rows behind it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::ExperimentError;
use crate::plan::Cell;
use crate::program::{Lab, read_json, write_json};

/// A cell with what it came to.
pub(crate) type Done = (Cell, Measured);

/// The file that is written last.
const RESULT: &str = "result.json";

/// What a cell, or the base model, came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Each score of each item, in the order of the items.
    pub(crate) values: BTreeMap<String, Vec<f64>>,
    /// Training rows whose response is a rewrite that differs from the original.
    pub(crate) changed: usize,
    /// Change of the adapted weights relative to them; none for the base model.
    pub(crate) shift: Option<f64>,
    /// Wall clock of the cell's last run.
    pub(crate) seconds: f64,
    /// SHA-256 of each file of raw rows, by its path below the folder of the experiment.
    pub(crate) sha256: BTreeMap<String, String>,
}

impl Measured {
    /// Keeps the hash of a file of raw rows.
    ///
    /// # Errors
    ///
    /// [`ExperimentError::Io`].
    pub(crate) fn keep_hash(&mut self, lab: &Lab, path: &Path) -> Result<(), ExperimentError> {
        let name = path.strip_prefix(&lab.out).unwrap_or(path);
        self.sha256
            .insert(name.display().to_string(), sha256(path)?);
        Ok(())
    }

    /// Writes the result into the folder of its cell, which is done with that.
    ///
    /// # Errors
    ///
    /// [`ExperimentError::Data`].
    pub(crate) fn write(&self, folder: &Path) -> Result<(), ExperimentError> {
        write_json(&folder.join(RESULT), &json!(self))
    }
}

/// Where a cell, or the base model, has its files.
pub(crate) fn folder(lab: &Lab, cell: Option<&Cell>) -> PathBuf {
    match cell {
        Some(cell) => lab.out.join("cells").join(cell.to_string()),
        None => lab.out.join("seed"),
    }
}

/// The result of a cell, or of the base model; nothing where it is not done.
///
/// # Errors
///
/// [`ExperimentError::File`] for a file that is no result.
pub(crate) fn result(lab: &Lab, cell: Option<&Cell>) -> Result<Option<Measured>, ExperimentError> {
    let path = folder(lab, cell).join(RESULT);
    if !path.is_file() {
        return Ok(None);
    }
    let found = serde_json::from_value(read_json(&path)?);
    found
        .map(Some)
        .map_err(|error| ExperimentError::file(&path, error.to_string()))
}

/// Whether a cell has its result.
pub(crate) fn is_done(lab: &Lab, cell: &Cell) -> bool {
    folder(lab, Some(cell)).join(RESULT).is_file()
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
///
/// [`ExperimentError::Io`].
pub(crate) fn sha256(path: &Path) -> Result<String, ExperimentError> {
    let bytes = std::fs::read(path).map_err(ExperimentError::io(path))?;
    let mut hex = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}
