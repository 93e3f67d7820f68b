//! Whether values fit the type that they are stored in.

use std::path::Path;

use super::{Lazy, StoredType};
use crate::ModelError;
use crate::floats::beyond_f16;

/// Refuses values that the type on disk would make infinite.
pub(super) fn require_fit(tensors: &[(String, Lazy)], folder: &Path) -> Result<(), ModelError> {
    let halves = tensors.iter();
    for (name, lazy) in halves.filter(|(_, lazy)| lazy.stored == StoredType::F16) {
        if let Some(found) = beyond_f16(&lazy.tensor.values()) {
            let (what, expected) = (format!("tensor {name}"), "values below 65520 for f16");
            return Err(ModelError::corrupt(folder, what, expected, found));
        }
    }
    Ok(())
}
