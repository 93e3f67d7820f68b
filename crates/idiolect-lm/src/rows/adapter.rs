//! The adapter that a row of a prompt file names.

use std::path::PathBuf;

use idiolect_data::RawRow;
use serde_json::Value;

use crate::LmError;
use crate::adapters::adapter_folder;

/// What a row of prompts has on the model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RowAdapter {
    /// What is on it already.
    #[default]
    Given,
    /// Nothing: the base model continues the row.
    Base,
    /// The adapter of a PEFT folder or of the directory of a training run.
    Folder(PathBuf),
}

impl RowAdapter {
    /// That of the row's field `adapter`: a folder, null for none, and no field for what is on the model.
    pub(super) fn of(row: &RawRow, place: &str) -> Result<Self, LmError> {
        let refuse = |found: &Value| {
            let expected = "the folder of an adapter, or null for the base model";
            LmError::setting(format!("{place}: adapter"), expected, found)
        };
        match row.fields.get("adapter") {
            None => Ok(Self::Given),
            Some(Value::Null) => Ok(Self::Base),
            Some(named @ Value::String(folder)) => {
                let folder = PathBuf::from(folder);
                adapter_folder(&folder).map_err(|_| refuse(named))?;
                Ok(Self::Folder(folder))
            }
            Some(other) => Err(refuse(other)),
        }
    }
}
