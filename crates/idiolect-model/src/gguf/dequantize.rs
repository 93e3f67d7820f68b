//! Quantised blocks to f32, by candle's `quantized` module; nothing is computed on them here.
//!
//! Without feature `gguf` candle is left out, and no quantised type is known.

#[cfg(feature = "gguf")]
use candle_core::{CpuStorage, quantized::GgmlDType};

/// Values of whole blocks of the type with this number in `ggml_type`; `None` when candle does not know it.
#[cfg(feature = "gguf")]
pub(super) fn dequantized(kind: u32, bytes: Vec<u8>, values: usize) -> Option<Vec<f32>> {
    match block(kind)?.from_data(bytes.into()).dequantize(values) {
        Ok(CpuStorage::F32(values)) => Some(values),
        _ => None,
    }
}

/// No value: candle is left out.
#[cfg(not(feature = "gguf"))]
pub(super) fn dequantized(_: u32, _: Vec<u8>, _: usize) -> Option<Vec<f32>> {
    None
}

/// The quantised type with this number.
#[cfg(feature = "gguf")]
fn block(kind: u32) -> Option<GgmlDType> {
    Some(match kind {
        2 => GgmlDType::Q4_0,
        3 => GgmlDType::Q4_1,
        6 => GgmlDType::Q5_0,
        7 => GgmlDType::Q5_1,
        8 => GgmlDType::Q8_0,
        10 => GgmlDType::Q2K,
        11 => GgmlDType::Q3K,
        12 => GgmlDType::Q4K,
        13 => GgmlDType::Q5K,
        14 => GgmlDType::Q6K,
        _ => return None,
    })
}

#[cfg(test)]
#[cfg(feature = "gguf")]
mod tests {
    use super::super::types::layout;
    use super::block;

    #[test]
    fn blocks_have_the_sizes_that_candle_gives_them() {
        let known = (0..64).filter_map(|kind| Some((block(kind)?, layout(kind).unwrap())));
        for (block, layout) in known {
            let sizes = (block.block_size(), block.type_size());
            assert_eq!((layout.values, layout.bytes), sizes, "{}", layout.name);
        }
    }
}
