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
        match row.fields.get("adapter") {
            None => Ok(Self::Given),
            Some(Value::Null) => Ok(Self::Base),
            Some(Value::String(folder)) if !folder.is_empty() => {
                let folder = PathBuf::from(folder);
                adapter_folder(&folder).map_err(|error| error.at(place))?;
                Ok(Self::Folder(folder))
            }
            Some(other) => {
                let expected = "the folder of an adapter, or null for the base model";
                Err(LmError::setting("adapter", expected, other).at(place))
            }
        }
    }

    /// Refuses the row's field `adapter` where all rows go through one model.
    pub(super) fn refuse(row: &RawRow, place: &str) -> Result<(), LmError> {
        match row.fields.get("adapter") {
            None => Ok(()),
            Some(found) => {
                let expected = "no such field: all rows are scored under one model, whose adapters are given with it (the option adapter)";
                Err(LmError::setting("adapter", expected, found).at(place))
            }
        }
    }
}
