//! Every type of tensor: its numbers, and that a scale which is no number is refused.

use idiolect_kernels::{BlockType, dequantize, from_blocks};
use idiolect_model::gguf::{BlockTensor, GgufFile};

use crate::{QUANTISED, golden, golden_json};

#[test]
fn each_type_unpacks_to_the_reference_bits() {
    let file = GgufFile::open(&golden("quants.gguf")).unwrap();
    let expected = golden_json("quants.json");
    let expected = expected["values"].as_object().unwrap();
    assert_eq!(file.tensor_names().len(), expected.len());
    for (name, tensor) in expected {
        if !QUANTISED && name.starts_with('Q') {
            let error = file.read(name).unwrap_err().to_string();
            let expected = format!(
                "quants.gguf: tensor {name} of type {name} needs feature gguf of idiolect-model, \
                 which this program was built without"
            );
            assert!(error.ends_with(&expected), "{error}");
            continue;
        }
        let got = file.read(name).unwrap();
        assert_eq!(&got.stored, name);
        assert_eq!(serde_json::json!(got.shape), tensor["shape"], "{name}");
        let bits: Vec<u32> = serde_json::from_value(tensor["bits"].clone()).unwrap();
        let got: Vec<u32> = got.values.iter().map(|value| value.to_bits()).collect();
        assert_eq!(got, bits, "{name}");
    }
}

#[test]
fn a_matrix_that_stays_in_its_blocks_has_the_reference_bits() {
    let file = GgufFile::open(&golden("quants.gguf")).unwrap();
    let expected = golden_json("quants.json");
    let mut kept = Vec::new();
    for (name, tensor) in expected["values"].as_object().unwrap() {
        let Some(BlockTensor {
            shape,
            of,
            stored,
            bytes,
        }) = file.read_blocks(name).unwrap()
        else {
            continue;
        };
        assert_eq!(stored, name);
        assert_eq!(serde_json::json!(shape), tensor["shape"], "{name}");
        let weight = from_blocks(bytes, of, shape).unwrap();
        let values = dequantize(weight).transpose().into_data();
        let got: Vec<u32> = values.iter::<f32>().map(f32::to_bits).collect();
        let bits: Vec<u32> = serde_json::from_value(tensor["bits"].clone()).unwrap();
        assert_eq!(got, bits, "{name}");
        kept.push(of);
    }
    kept.sort_by_key(|of| *of as u8);
    assert_eq!(kept, BlockType::ALL);
}

/// The half-precision scales of the first block of a type, by their first bytes.
const SCALES: [(&str, &[usize]); 10] = [
    ("Q4_0", &[0]),
    ("Q4_1", &[0, 2]),
    ("Q5_0", &[0]),
    ("Q5_1", &[0, 2]),
    ("Q8_0", &[0]),
    ("Q2_K", &[80, 82]),
    ("Q3_K", &[108]),
    ("Q4_K", &[0, 2]),
    ("Q5_K", &[0, 2]),
    ("Q6_K", &[208]),
];
/// Infinity and a number that is none, in half precision.
const NO_NUMBERS: [u16; 2] = [0x7c00, 0x7e00];

/// Where the header says that a two-dimensional tensor begins, from the first of all.
fn offset(bytes: &[u8], name: &str) -> usize {
    let text = [&(name.len() as u64).to_le_bytes()[..], name.as_bytes()].concat();
    let at = bytes.windows(text.len()).position(|own| own == text);
    // Behind the name: how many dimensions, two sizes, the type.
    let place = at.unwrap() + text.len() + 4 + 16 + 4;
    let offset = u64::from_le_bytes(bytes[place..][..8].try_into().unwrap());
    usize::try_from(offset).unwrap()
}

#[test]
fn a_scale_that_is_no_number_is_refused_by_its_tensor_whatever_the_type() {
    if !QUANTISED {
        return;
    }
    let bytes = std::fs::read(golden("quants.gguf")).unwrap();
    // The last tensor is of the type that comes last, two blocks of 210 bytes, filled up to 32.
    let start = bytes.len() - 448 - offset(&bytes, "Q6_K");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    for (name, places) in SCALES {
        for place in places {
            for number in NO_NUMBERS {
                let mut changed = bytes.clone();
                let at = start + offset(&bytes, name) + place;
                changed[at..][..2].copy_from_slice(&number.to_le_bytes());
                std::fs::write(&path, changed).unwrap();
                let file = GgufFile::open(&path).unwrap();
                let error = file.read(name).unwrap_err().to_string();
                let told = format!("tensor {name}: expected finite values, found ");
                assert!(error.contains(&told), "{name} {place} {number:x}: {error}");
                match file.read_blocks(name) {
                    Ok(blocks) => assert_eq!(blocks, None, "{name}"),
                    Err(same) => assert_eq!(same.to_string(), error),
                }
                // The others are as they were.
                for (other, _) in SCALES.iter().filter(|(other, _)| *other != name) {
                    file.read(other).unwrap();
                }
            }
        }
    }
}
