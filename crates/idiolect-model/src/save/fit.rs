//! Whether values fit into f16 on disk.

use std::path::Path;

use crate::ModelError;
use crate::floats::beyond_f16;

/// Refuses values that f16 would make infinite.
pub(super) fn require_f16(
    mut tensors: impl Iterator<Item = (String, Vec<f32>)>,
    folder: &Path,
) -> Result<(), ModelError> {
    tensors.try_for_each(|(name, values)| match beyond_f16(&values) {
        None => Ok(()),
        Some(found) => {
            let (what, expected) = (format!("tensor {name}"), "values below 65520 for f16");
            Err(ModelError::corrupt(folder, what, expected, found))
        }
    })
}
