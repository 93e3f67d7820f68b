//! Where the tensors of a GGUF file lie: at multiples of the alignment, within the file, apart from each other.

use std::path::Path;

use super::header::{Entry, Header};
use super::types::{Layout, layout};
use crate::ModelError;

/// Checks all tensors against the `size` bytes of the file and each other.
pub(super) fn check_extents(header: &Header, size: u64, path: &Path) -> Result<(), ModelError> {
    let Header {
        tensors, alignment, ..
    } = header;
    let available = size.saturating_sub(header.data_start);
    let mut placed = Vec::with_capacity(tensors.len());
    for (name, entry) in tensors {
        entry.check_start(name, *alignment, path)?;
        placed.push((entry.offset, entry.check_end(name, available, path)?, name));
    }
    placed.sort_unstable();
    for pair in placed.windows(2) {
        let ((_, end, name), (start, _, next)) = (pair[0], pair[1]);
        if start < end {
            let expected = format!("a start behind tensor {name}, which ends at {end}");
            return Err(ModelError::corrupt(
                path,
                format!("tensor {next}"),
                expected,
                start,
            ));
        }
    }
    Ok(())
}

impl Entry {
    fn check_start(&self, name: &str, alignment: u64, path: &Path) -> Result<(), ModelError> {
        if self.offset.is_multiple_of(alignment) {
            return Ok(());
        }
        let expected = format!("a start at a multiple of the alignment, {alignment}");
        Err(ModelError::corrupt(
            path,
            format!("tensor {name}"),
            expected,
            self.offset,
        ))
    }

    /// Checks that the tensor `name` is made of whole blocks and ends within the `available` bytes of tensor
    /// data; where it ends.
    fn check_end(&self, name: &str, available: u64, path: &Path) -> Result<u64, ModelError> {
        // A type that cannot be read has no known size; reading that tensor says so.
        let Some(layout) = layout(self.kind) else {
            return Ok(self.offset);
        };
        let what = format!("tensor {name}");
        let row = self.shape.last().copied().unwrap_or(0);
        if !row.is_multiple_of(layout.values) {
            let expected = format!("rows of whole {} blocks of {}", layout.name, layout.values);
            return Err(ModelError::corrupt(
                path,
                what,
                expected,
                format!("rows of {row}"),
            ));
        }
        if let Some(end) = self.end(layout).filter(|end| *end <= available) {
            return Ok(end);
        }
        let expected = format!("an end within {available} bytes of tensor data");
        let found = format!("{:?} at {}", self.shape, self.offset);
        Err(ModelError::corrupt(path, what, expected, found))
    }

    /// Position behind the last byte, counted from the first tensor's first byte; `None` where it overflows.
    fn end(&self, layout: Layout) -> Option<u64> {
        let mut sizes = self.shape.iter();
        let count = sizes.try_fold(1_usize, |all, size| all.checked_mul(*size))?;
        let bytes = (count / layout.values).checked_mul(layout.bytes)?;
        self.offset.checked_add(bytes as u64)
    }
}
