//! A matrix in the blocks of its file.

use idiolect_kernels::BlockType;

/// A matrix as a file holds it, row after row in whole blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockTensor {
    /// Rows and columns, `[out, in]`.
    pub shape: [usize; 2],
    /// The type of the blocks.
    pub of: BlockType,
    /// Its name in `ggml`, for example `Q4_K`.
    pub stored: &'static str,
    /// The blocks.
    pub bytes: Vec<u8>,
}
