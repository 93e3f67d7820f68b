//! A model whose matrices stay in the blocks of their file, beside the same widened.

use burn::module::Param;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use idiolect_kernels::block_type;
use idiolect_model::{Decoder, NewTokens, NoAdapter, Session, load, load_as_stored};
use idiolect_testkit::{smollm2_folder, smollm2_gguf};

const IDS: [i64; 9] = [1, 504, 3575, 282, 4649, 314, 19, 28, 253];

fn logits(decoder: &Decoder) -> Vec<f32> {
    let ids = TensorData::new(IDS.to_vec(), [1, IDS.len()]);
    let ids: Tensor<2, Int> = Tensor::from_data(ids, &Device::flex());
    let hidden = decoder.hidden(ids, &NoAdapter);
    let [_, tokens, width] = hidden.dims();
    let logits = decoder.logits(hidden.reshape([tokens, width]));
    logits.into_data().iter::<f32>().collect()
}

fn close(found: &[f32], expected: &[f32], bound: f32) {
    assert_eq!(found.len(), expected.len());
    let off = |(a, b): (&f32, &f32)| (a - b).abs();
    let most = found.iter().zip(expected).map(off).fold(0.0, f32::max);
    assert!(most <= bound, "off by {most}");
}

#[test]
fn logits_are_those_of_the_widened_model_in_a_fifth_of_its_memory() {
    let Some(file) = smollm2_gguf() else { return };
    let (device, dtype) = (Device::flex(), FloatDType::F32);
    let (wide, report) = load(&file, &device, dtype).unwrap();
    assert!(report.kept.is_empty());
    let (kept, same) = load_as_stored(&file, &device, dtype).unwrap();
    assert_eq!(same.loaded, report.loaded);
    // Seven projections of thirty blocks, and the embedding that is the head.
    let kinds = [("Q4_1".into(), 210), ("Q8_0".into(), 1)];
    assert_eq!(same.kept, kinds.into());
    assert_eq!(same.cast.len() + 211, report.cast.len());
    let matrices = kept
        .weights
        .blocks
        .iter()
        .flat_map(|block| &block.projections)
        .chain([&kept.weights.embedding]);
    let stored = |weight: &Param<Tensor<2>>| {
        let (weight, of) = (weight.val(), block_type(&weight.val()).unwrap());
        weight.shape().num_elements() / of.values() * of.bytes()
    };
    let values: usize = matrices
        .clone()
        .map(|weight| weight.val().shape().num_elements())
        .sum();
    assert_eq!(
        wide.weight_bytes() - kept.weight_bytes(),
        values * 4 - matrices.map(stored).sum::<usize>()
    );
    close(&logits(&kept), &logits(&wide), 2e-4);
}

#[test]
fn generation_has_the_logits_of_all_tokens_at_once() {
    let Some(file) = smollm2_gguf() else { return };
    let (kept, _) = load_as_stored(&file, &Device::flex(), FloatDType::F32).unwrap();
    let ids: Vec<u32> = IDS.iter().map(|id| u32::try_from(*id).unwrap()).collect();
    let all = logits(&kept);
    let mut session = Session::new(&kept, &NoAdapter, 1, ids.len()).unwrap();
    let vocab = kept.config.vocab_size;
    for (at, id) in ids.iter().enumerate() {
        let token = NewTokens {
            row: 0,
            kept: at,
            tokens: &[*id],
            wanted: 1,
        };
        let found = session.pass(&[token]).unwrap();
        close(&found, &all[at * vocab..][..vocab], 2e-4);
    }
}

#[test]
fn a_folder_has_no_blocks_to_stay_in() {
    let Some(folder) = smollm2_folder() else {
        return;
    };
    let (_, report) = load_as_stored(&folder, &Device::flex(), FloatDType::BF16).unwrap();
    assert!(report.kept.is_empty() && report.cast.is_empty());
}
