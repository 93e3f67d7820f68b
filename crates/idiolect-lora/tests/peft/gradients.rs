//! The first gradients of PEFT's adapters, and the head that the tests give them.

use burn::module::Param;
use burn::tensor::{Int, Tensor, TensorData, activation};
use idiolect_lora::{AdapterBatch, Checkpointing, adapter_gradients, load_adapter};
use idiolect_model::Decoder;
use idiolect_testkit::{Tensors, assert_close, bound, device};

use super::oracles::{Case, batches, cases, floats, ids};

/// Flat positions that predict a trained token, and those tokens.
fn targets(shape: [usize; 2], labels: &[i64]) -> (Vec<i64>, Vec<i64>) {
    let [rows, tokens] = shape;
    let places = (0..rows * tokens).filter(|i| (i + 1) % tokens != 0 && labels[i + 1] >= 0);
    places
        .map(|i| (i64::try_from(i).expect("small"), labels[i + 1]))
        .unzip()
}

fn column(values: Vec<i64>) -> Tensor<1, Int> {
    let shape = [values.len()];
    Tensor::from_data(TensorData::new(values, shape), &device().unwrap())
}

/// Mean cross entropy by plain autodiff: the gradient of the hidden states.
fn plain_head(decoder: &Decoder, hidden: Tensor<2>, targets: &[i64]) -> Tensor<2> {
    let hidden = hidden.autodiff().require_grad();
    let scores = activation::log_softmax(decoder.logits(hidden.clone()), 1);
    let chosen = scores.gather(1, column(targets.to_vec()).unsqueeze_dim(1));
    let grads = chosen.neg().mean().backward();
    hidden.grad(&grads).expect("a gradient")
}

/// Rows of one sequence each, without dropout.
fn batch(ids: Tensor<2, Int>, trained: Vec<i64>) -> AdapterBatch {
    AdapterBatch {
        ids,
        trained_positions: column(trained),
        dropout_seed: 0,
        context: None,
    }
}

#[test]
fn first_gradients_are_those_of_peft_with_and_without_checkpointing() {
    for Case {
        name,
        folder,
        decoder,
    } in cases()
    {
        let oracle = Tensors::read(&folder.join("eval.safetensors")).unwrap();
        let trace = std::fs::read_to_string(folder.join("trace.json")).expect(&name);
        let trace: serde_json::Value = serde_json::from_str(&trace).expect(&name);
        let norm = trace["grad_norm"][0].as_f64().expect("a norm");
        // PyTorch's clip_grad_norm_ multiplies by clip / (norm + 1e-6), at most 1.
        let clip = (trace["clip"].as_f64().expect("a clip") / (norm + 1e-6)).min(1.0);
        let device = device().unwrap().autodiff();
        let adapter = load_adapter(&folder.join("adapter_init"), &decoder, &device).expect(&name);
        let (shape, all_ids) = batches().i64("train_input_ids").unwrap();
        let (_, all_labels) = batches().i64("train_labels").unwrap();
        let size = [shape[1], shape[2]];
        let first = size[0] * size[1];
        let (trained, wanted) = targets(size, &all_labels[..first]);
        let batch = batch(ids(size, &all_ids[..first]), trained);
        for checkpointing in [Checkpointing::Blocks, Checkpointing::Off] {
            let head = |hidden| Ok::<_, ()>(plain_head(&decoder, hidden, &wanted));
            let grads = adapter_gradients(&decoder, &adapter, &batch, checkpointing, head)
                .expect("gradients");
            let mut squares = 0.0;
            for (site, factors) in adapter.sites.iter().zip(&adapter.factors) {
                let of = |param: &Param<Tensor<2>>| {
                    let grad = grads.get::<2>(param.id).expect("a gradient");
                    floats((grad * clip).transpose())
                };
                let mut parts = vec![
                    ("lora_A.weight", of(&factors.a)),
                    ("lora_B.weight", of(&factors.b)),
                ];
                if let Some(magnitude) = &factors.magnitude {
                    let grad = grads.get::<1>(magnitude.id).expect("a gradient");
                    parts.push(("lora_magnitude_vector.weight", floats(grad * clip)));
                }
                for (part, got) in parts {
                    squares += got.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
                    let tensor = format!("grad_step1_clipped.base_model.model.{site}.{part}");
                    let (_, want) = oracle.f32(&tensor).unwrap();
                    assert_close(
                        &format!("{name} {checkpointing:?} {tensor}"),
                        &got,
                        &want,
                        bound(1e-5, 3.2e-3),
                    );
                }
            }
            let off = (squares.sqrt() / clip - norm).abs() / norm;
            assert!(
                off < bound(1e-5, 0.012),
                "{name} {checkpointing:?}: gradient norm off by {off:e}"
            );
        }
    }
}
