//! The shared oracles of PEFT: tiny checkpoints, adapters trained for them, and the batches they saw.

use std::path::PathBuf;

use burn::tensor::{FloatDType, Int, Tensor, TensorData};
use idiolect_model::{Adapter, Decoder};
use idiolect_testkit::{Tensors, device, shared};

/// A checkpoint and an adapter that PEFT trained for it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) decoder: Decoder,
}

/// Every PEFT oracle.
pub(crate) fn cases() -> Vec<Case> {
    let Some(shared) = shared() else {
        return Vec::new();
    };
    let mut cases = Vec::new();
    for model in ["tiny-llama3", "tiny-mistral"] {
        let place = shared.join("oracles/tiny").join(model);
        let (decoder, _) =
            idiolect_model::load(&place, &device().unwrap(), FloatDType::F32).expect(model);
        let entries = std::fs::read_dir(shared.join("oracles/peft").join(model)).expect(model);
        let mut folders: Vec<PathBuf> = entries
            .map(|entry| entry.expect("an entry").path())
            .collect();
        folders.sort();
        for folder in folders {
            let name = format!("{model}/{}", folder.file_name().unwrap().display());
            cases.push(Case {
                name,
                folder,
                decoder: decoder.clone(),
            });
        }
    }
    assert_eq!(cases.len(), 13, "PEFT oracles");
    cases
}

pub(crate) fn ids(shape: [usize; 2], values: &[i64]) -> Tensor<2, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &device().unwrap())
}

pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

pub(crate) fn batches() -> Tensors {
    Tensors::read(
        &shared()
            .expect("shared")
            .join("oracles/peft/batches.safetensors"),
    )
    .unwrap()
}

/// Logits at the real tokens of the evaluation batch.
pub(crate) fn eval_logits(decoder: &Decoder, adapter: &dyn Adapter) -> Vec<f32> {
    let (shape, values) = batches().i64("eval_input_ids").unwrap();
    let hidden = decoder
        .hidden(ids([shape[0], shape[1]], &values), adapter)
        .inner();
    let [b, t, h] = hidden.dims();
    real(
        &floats(decoder.logits(hidden.reshape([b * t, h]))),
        decoder.config.vocab_size,
    )
}

pub(crate) fn real(logits: &[f32], vocab: usize) -> Vec<f32> {
    let (_, mask) = batches().i64("eval_attention_mask").unwrap();
    let tokens = logits
        .chunks(vocab)
        .zip(mask)
        .filter(|(_, real)| *real == 1);
    tokens.flat_map(|(row, _)| row.iter().copied()).collect()
}
