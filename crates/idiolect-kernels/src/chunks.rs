//! Hidden states in chunks of rows, so that the logits of all rows never exist at once.

use burn::tensor::{Device, Tensor};

use crate::keeps_blocks;

/// Rows of a chunk that suit losses with several distributions over the vocabulary: the product is efficient, and the
/// logits of a vocabulary of 128,000 take some 64 MiB.
pub const CHUNK_ROWS: usize = 128;

/// Bytes of a chunk's logits in f32: on Burn's CPU backend, and on other devices.
const LOGITS: [usize; 2] = [64 << 20, 256 << 20];

/// Rows of a chunk that suit a loss that has one row of logits for a token, a multiple of [`CHUNK_ROWS`]: each chunk reads
/// the whole head once for its logits and once for their gradient.
///
/// # Shapes
///
/// - `head`: `[width, vocab]`
#[must_use]
pub fn chunk_rows(head: &Tensor<2>) -> usize {
    let [_, vocab] = head.dims();
    chunk_rows_for(vocab, &head.device())
}

/// [`chunk_rows`] of a head of `vocab` tokens on a device.
#[must_use]
pub fn chunk_rows_for(vocab: usize, device: &Device) -> usize {
    let [of_cpu, of_others] = LOGITS;
    let is_cpu = keeps_blocks(device);
    let bytes = if is_cpu { of_cpu } else { of_others };
    let chunks = bytes / (4 * CHUNK_ROWS * vocab.max(1));
    CHUNK_ROWS * chunks.max(1)
}

/// Chunks of rows beside their targets, `chunk_rows` (at least 1) in each but the last.
///
/// # Shapes
///
/// - hidden: `[n, width]`
/// - targets: `n`
/// - each chunk: `[at most chunk_rows, width]`
///
/// # Panics
///
/// If there is not one target for each row.
pub fn row_chunks(
    hidden: Tensor<2>,
    targets: &[i64],
    chunk_rows: usize,
) -> impl Iterator<Item = (Tensor<2>, &[i64])> {
    let [rows, width] = hidden.dims();
    assert_eq!(rows, targets.len(), "one target for each hidden row");
    let chunk_rows = chunk_rows.max(1);
    let chunks = targets.chunks(chunk_rows).enumerate();
    chunks.map(move |(index, targets)| {
        let start = index * chunk_rows;
        let end = start + targets.len();
        (hidden.clone().slice([start..end, 0..width]), targets)
    })
}

/// The numbers of all chunks, read at once: each read waits for the device.
#[must_use]
pub fn chunk_values(chunks: Vec<Tensor<1>>) -> Vec<f32> {
    if chunks.is_empty() {
        return Vec::new();
    }
    Tensor::cat(chunks, 0).into_data().iter::<f32>().collect()
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use super::*;

    #[test]
    fn chunks_have_as_many_rows_as_fit_and_the_least_beyond() {
        let rows = |vocab| chunk_rows_for(vocab, &Device::flex());
        assert_eq!([32_000, 49_152, 128_256].map(rows), [512, 256, 128]);
        assert_eq!([1 << 20, usize::MAX >> 12].map(rows), [128, 128]);
        let head = Tensor::<2>::zeros([4, 49_152], &Device::flex());
        assert_eq!(chunk_rows(&head), 256);
    }
}
