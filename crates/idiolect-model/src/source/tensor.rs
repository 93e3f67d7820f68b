//! A tensor out of a checkpoint.

/// A tensor of a checkpoint, widened to f32.
#[derive(Debug, Clone)]
pub struct StoredTensor {
    /// Sizes, `[out, in]` for a projection.
    pub shape: Vec<usize>,
    /// Values in row-major order.
    pub values: Vec<f32>,
    /// Name of the type on disk, for example `BF16` or `Q4_1`.
    pub stored: String,
}
