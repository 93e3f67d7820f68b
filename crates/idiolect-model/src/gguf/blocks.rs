//! Tensors that stay in the blocks of the file, with their rows in the order of Hugging Face.

use idiolect_kernels::BlockType;

use super::block_tensor::BlockTensor;
use super::names::{has_pairs, join_rows};
use super::types::block_type;
use super::{GgufFile, types};
use crate::ModelError;

impl GgufFile {
    /// Reads a matrix of [`GgufFile::tensor_names`] without widening its values; none where it is in a type that weights do
    /// not stay in.
    ///
    /// # Errors
    ///
    /// As [`GgufFile::read`].
    pub fn read_blocks(&self, name: &str) -> Result<Option<BlockTensor>, ModelError> {
        let own = self.names.get(name);
        let found = own.and_then(|own| Some((own, self.header.tensors.get(own)?)));
        let Some((own, entry)) = found else {
            return Ok(None);
        };
        let (Some(of), Some(layout)) = (block_type(entry.kind), types::layout(entry.kind)) else {
            return Ok(None);
        };
        let [rows, columns] = entry.shape[..] else {
            return Ok(None);
        };
        let width = columns / of.values() * of.bytes();
        let mut bytes = vec![0; rows * width];
        self.reader(entry)?.fill(&mut bytes)?;
        if !is_finite(&bytes, of) {
            // Reading the values tells which is none.
            return self.read(name).map(|_| None);
        }
        if self.architecture().turns_rows() && has_pairs(own) {
            let head_dim = self.metadata().head_dim()?;
            self.check_heads(name, &entry.shape, head_dim)?;
            join_rows(&mut bytes, [head_dim, width]);
        }
        Ok(Some(BlockTensor {
            shape: [rows, columns],
            of,
            stored: layout.name,
            bytes,
        }))
    }
}

/// Whether the scales and offsets of all blocks are numbers; then their values are.
fn is_finite(bytes: &[u8], of: BlockType) -> bool {
    let mut blocks = bytes.chunks_exact(of.bytes());
    let all_ones = |block: &[u8], at: usize| block[at + 1] & 0x7c == 0x7c;
    blocks.all(|block| !of.halves().iter().any(|at| all_ones(block, *at)))
}
