//! The tiny checkpoints, each with what transformers makes of it.

use std::path::{Path, PathBuf};

use burn::tensor::{FloatDType, Int, Tensor, TensorData};
use idiolect::model::{Decoder, load};
use idiolect_testkit::{Tensors, device};
use serde_json::Value;

/// How far logits may be from those of transformers.
pub(crate) const TOLERANCE: f32 = 1e-4;

/// A checkpoint and its values.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) decoder: Decoder,
    pub(crate) tensors: Tensors,
    pub(crate) json: Value,
}

pub(crate) fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/classes")
}

/// Names of all cases, sorted.
pub(crate) fn names() -> Vec<String> {
    let entries = std::fs::read_dir(golden()).expect("golden files");
    let folders = entries.map(|entry| entry.expect("an entry").path());
    let folders = folders.filter(|path| path.is_dir());
    let mut names: Vec<String> = folders
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort_unstable();
    assert_eq!(names.len(), 21, "{names:?}");
    names
}

pub(crate) fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

/// Loads each checkpoint and hands it to `check`.
pub(crate) fn each(check: impl Fn(&Case)) {
    for name in names() {
        let folder = golden().join(&name);
        let loaded = load(&folder, &device().unwrap(), FloatDType::F32);
        let (decoder, report) = loaded.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(report.unused.is_empty(), "{name}: {report:?}");
        let in_wrapper = decoder.config.wrapper.class().is_some();
        assert_eq!(report.carried.is_empty(), !in_wrapper, "{name}: {report:?}");
        check(&Case {
            tensors: Tensors::read(&folder.join("oracle.safetensors")).unwrap(),
            json: json(&folder.join("oracle.json")),
            name,
            folder,
            decoder,
        });
    }
}

impl Case {
    /// Rows of token ids of `side`, `left` or `right`, without their padding.
    pub(crate) fn rows(&self, side: &str) -> Vec<Vec<u32>> {
        let (shape, ids) = self.tensors.i64(&format!("{side}_input_ids")).unwrap();
        let (_, masks) = self.tensors.i64(&format!("{side}_attention_mask")).unwrap();
        let rows = ids.chunks(shape[1]).zip(masks.chunks(shape[1]));
        let id = |(id, _): (&i64, &i64)| u32::try_from(*id).expect("an id");
        let row = |(ids, mask): (&[i64], &[i64])| {
            let real = ids.iter().zip(mask).filter(|(_, real)| **real == 1);
            real.map(id).collect()
        };
        rows.map(row).collect()
    }

    /// Token ids as they are padded, `[rows, tokens]`.
    pub(crate) fn padded(&self, side: &str) -> Tensor<2, Int> {
        let (shape, ids) = self.tensors.i64(&format!("{side}_input_ids")).unwrap();
        let data = TensorData::new(ids, [shape[0], shape[1]]);
        Tensor::from_data(data, &device().unwrap())
    }

    /// Logits of transformers at real tokens, row by row.
    pub(crate) fn logits(&self, side: &str) -> Vec<f32> {
        let (_, logits) = self.tensors.f32(&format!("{side}_logits")).unwrap();
        self.real(&logits, side)
    }

    /// The values of `[rows, tokens, vocab]` at real tokens.
    pub(crate) fn real(&self, values: &[f32], side: &str) -> Vec<f32> {
        let (_, mask) = self.tensors.i64(&format!("{side}_attention_mask")).unwrap();
        let tokens = values.chunks(self.decoder.config.vocab_size).zip(mask);
        let real = tokens.filter(|(_, real)| *real == 1);
        real.flat_map(|(values, _)| values.iter().copied())
            .collect()
    }
}

pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// Logits of every token of a right-padded batch.
pub(crate) fn logits_of(
    decoder: &Decoder,
    adapter: &dyn idiolect::model::Adapter,
    ids: Tensor<2, Int>,
) -> Vec<f32> {
    let hidden = decoder.hidden(ids, adapter);
    let [rows, tokens, width] = hidden.dims();
    floats(decoder.logits(hidden.reshape([rows * tokens, width])))
}
