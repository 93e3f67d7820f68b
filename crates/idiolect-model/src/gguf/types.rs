//! The types of tensors in GGUF files, by their number in `ggml_type`.

use idiolect_kernels::BlockType;

/// How values of one type are stored: in blocks of equal size, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// The name that `ggml` gives it.
    pub(super) name: &'static str,
    /// Values of one block.
    pub(super) values: usize,
    /// Bytes of one block.
    pub(super) bytes: usize,
}

/// Types that can be read, as `ggml` names them.
pub(super) const READABLE: &str =
    "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K";

/// The layout of a type; `None` when it cannot be read.
pub(super) fn layout(kind: u32) -> Option<Layout> {
    let (name, values, bytes) = match kind {
        0 => ("F32", 1, 4),
        1 => ("F16", 1, 2),
        2 => ("Q4_0", 32, 18),
        3 => ("Q4_1", 32, 20),
        6 => ("Q5_0", 32, 22),
        7 => ("Q5_1", 32, 24),
        8 => ("Q8_0", 32, 34),
        10 => ("Q2_K", 256, 84),
        11 => ("Q3_K", 256, 110),
        12 => ("Q4_K", 256, 144),
        13 => ("Q5_K", 256, 176),
        14 => ("Q6_K", 256, 210),
        30 => ("BF16", 1, 2),
        _ => return None,
    };
    Some(Layout {
        name,
        values,
        bytes,
    })
}

/// The blocks of a type that weights stay in; none for a plain type, and for those of 2 and 3 bits.
pub(super) fn block_type(kind: u32) -> Option<BlockType> {
    Some(match kind {
        2 => BlockType::Q4_0,
        3 => BlockType::Q4_1,
        6 => BlockType::Q5_0,
        7 => BlockType::Q5_1,
        8 => BlockType::Q8_0,
        12 => BlockType::Q4K,
        13 => BlockType::Q5K,
        14 => BlockType::Q6K,
        _ => return None,
    })
}

/// Name of a type that files in the wild have and that cannot be read.
pub(super) fn other_name(kind: u32) -> &'static str {
    match kind {
        9 => "Q8_1",
        15 => "Q8_K",
        16..=19 | 21..=23 | 29 => "an IQ type",
        20 => "IQ4_NL",
        24..=27 => "an integer type",
        28 => "F64",
        34 | 35 => "a ternary type",
        39 => "MXFP4",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_weights_stay_in_have_the_sizes_of_the_format() {
        let known = (0..64).filter_map(|kind| Some((block_type(kind)?, layout(kind)?)));
        let known: Vec<(BlockType, Layout)> = known.collect();
        assert_eq!(known.len(), BlockType::ALL.len());
        for (of, layout) in known {
            assert_eq!(
                [of.values(), of.bytes()],
                [layout.values, layout.bytes],
                "{of:?}"
            );
        }
    }
}
