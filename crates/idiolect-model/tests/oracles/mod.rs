//! The shared oracles of the model: tiny checkpoints with what transformers and `PyTorch` make of them.

use std::path::PathBuf;

use burn::tensor::{FloatDType, Int, Tensor, TensorData};
use idiolect_model::{Decoder, load};
use idiolect_testkit::{Tensors, device, shared};

const FOLDERS: [&str; 14] = [
    "tiny/tiny-llama2",
    "tiny/tiny-llama3",
    "tiny/tiny-mistral",
    "tiny/tiny-mistral-headdim",
    "tiny/tiny-llama-tied",
    "tiny/tiny-llama3-sharded-bf16",
    "tiny-2026/tiny-qwen2",
    "tiny-2026/tiny-qwen3",
    "tiny-2026/tiny-smollm3",
    "tiny-2026/tiny-granite",
    "tiny-2026/tiny-llama-bias",
    "tiny-2026/tiny-mistral-yarn",
    "tiny-2026/tiny-ministral3",
    "tiny-2026/tiny-mistral3-wrapper",
];

/// A checkpoint and what transformers and `PyTorch` make of it.
pub(crate) struct Oracle {
    pub(crate) name: &'static str,
    pub(crate) folder: PathBuf,
    pub(crate) decoder: Decoder,
    pub(crate) tensors: Tensors,
    pub(crate) json: serde_json::Value,
}

/// Loads each checkpoint with its oracle and hands it to `check`.
pub(crate) fn each(check: impl Fn(&Oracle)) {
    let Some(shared) = shared() else { return };
    for name in FOLDERS {
        let folder = shared.join("oracles").join(name);
        let (decoder, report) = load(&folder, &device().unwrap(), FloatDType::F32).expect(name);
        assert!(report.unused.is_empty(), "{name}: {report:?}");
        let tensors = Tensors::read(&folder.join("oracle.safetensors")).unwrap();
        let text = std::fs::read_to_string(folder.join("oracle.json")).expect(name);
        let json = serde_json::from_str(&text).expect(name);
        check(&Oracle {
            name,
            folder,
            decoder,
            tensors,
            json,
        });
    }
}

pub(crate) fn ids(rows: &[Vec<u32>]) -> Tensor<2, Int> {
    let flat: Vec<i64> = rows.iter().flatten().map(|id| i64::from(*id)).collect();
    Tensor::from_data(
        TensorData::new(flat, [rows.len(), rows[0].len()]),
        &device().unwrap(),
    )
}

/// Rows of an id tensor of the oracle.
pub(crate) fn rows(oracle: &Oracle, name: &str) -> Vec<Vec<u32>> {
    let (shape, values) = oracle.tensors.i64(name).unwrap();
    let id = |value: &i64| u32::try_from(*value).expect("an id");
    values
        .chunks(shape[1])
        .map(|row| row.iter().map(id).collect())
        .collect()
}

pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// Keeps `width` numbers a token where the mask is set.
pub(crate) fn masked(values: &[f32], mask: &[i64], width: usize) -> Vec<f32> {
    let tokens = values
        .chunks(width)
        .zip(mask)
        .filter(|(_, real)| **real == 1);
    tokens
        .flat_map(|(token, _)| token.iter().copied())
        .collect()
}
