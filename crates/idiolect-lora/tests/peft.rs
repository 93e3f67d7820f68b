//! Adapters of PEFT on the tiny checkpoints: their logits, their first gradients, merging, and the way
//! there and back on disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

mod oracles;

use burn::module::{Module, Param};
use burn::tensor::{FloatDType, Int, Tensor, TensorData, activation};
use idiolect_lora::{
    AdapterBatch, Checkpointing, Factors, LoraAdapter, LoraConfig, WholeModules, adapter_gradients,
    adapter_shift, dense_update, load_adapter, merge_checked, save_adapter, total_shift,
};
use idiolect_model::{Adapter, Decoder, NoAdapter, Wrapper};
use idiolect_testkit::{Tensors, assert_close, device, shared};
use oracles::{Case, batches, cases, eval_logits, floats, ids, real};

#[test]
fn a_factor_that_is_no_number_is_refused_by_file_and_tensor() {
    let Some(Case {
        folder, decoder, ..
    }) = cases().into_iter().next()
    else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder.join("adapter_final")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, place.path().join(path.file_name().unwrap())).unwrap();
    }
    let weights = place.path().join("adapter_model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let end = bytes.len() - 4;
    bytes[end..].copy_from_slice(&f32::NEG_INFINITY.to_le_bytes());
    std::fs::write(&weights, bytes).unwrap();
    let loaded = load_adapter(place.path(), &decoder, &device().unwrap());
    let error = loaded.map(drop).unwrap_err().to_string();
    let start = format!("{}: tensor base_model.model.", weights.display());
    assert!(error.starts_with(&start), "{error}");
    assert!(
        error.contains(": expected finite values, found -inf at place "),
        "{error}"
    );
}

#[test]
fn logits_with_and_without_adapter_are_those_of_peft() {
    for Case {
        name,
        folder,
        decoder,
    } in cases()
    {
        let oracle = Tensors::read(&folder.join("eval.safetensors")).unwrap();
        let vocab = decoder.config.vocab_size;
        let want = |tensor: &str| real(&oracle.f32(tensor).unwrap().1, vocab);
        let final_ =
            load_adapter(&folder.join("adapter_final"), &decoder, &device().unwrap()).expect(&name);
        let init =
            load_adapter(&folder.join("adapter_init"), &decoder, &device().unwrap()).expect(&name);
        assert_close(
            &format!("{name} init"),
            &eval_logits(&decoder, &init),
            &want("eval_logits_init"),
            1e-4,
        );
        assert_close(
            &format!("{name} final"),
            &eval_logits(&decoder, &final_),
            &want("eval_logits_final"),
            1e-4,
        );
        let (shape, values) = batches().i64("eval_input_ids").unwrap();
        let probe = ids([shape[0], shape[1]], &values);
        let (merged, report) = merge_checked(decoder, &final_, &probe);
        assert!(report.max_logit_difference < 1e-4, "{name}: {report:?}");
        let merged = eval_logits(&merged, &NoAdapter);
        assert_close(
            &format!("{name} merged"),
            &merged,
            &want("eval_logits_final_merged"),
            1e-4,
        );
    }
}

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
                        1e-5,
                    );
                }
            }
            let off = (squares.sqrt() / clip - norm).abs() / norm;
            assert!(
                off < 1e-5,
                "{name} {checkpointing:?}: gradient norm off by {off:e}"
            );
        }
    }
}

#[test]
fn a_saved_adapter_is_read_back_bit_for_bit() {
    for Case {
        name,
        folder,
        decoder,
    } in cases()
    {
        let place = tempfile::tempdir().expect("a folder");
        let adapter =
            load_adapter(&folder.join("adapter_final"), &decoder, &device().unwrap()).expect(&name);
        save_adapter(&adapter, place.path(), "tiny").expect(&name);
        let ours = Tensors::read(&place.path().join("adapter_model.safetensors")).unwrap();
        let theirs =
            Tensors::read(&folder.join("adapter_final/adapter_model.safetensors")).unwrap();
        assert_eq!(ours.names().unwrap(), theirs.names().unwrap(), "{name}");
        for tensor in ours.names().unwrap() {
            assert_eq!(
                ours.f32(&tensor).unwrap(),
                theirs.f32(&tensor).unwrap(),
                "{name} {tensor}"
            );
        }
        let again = load_adapter(place.path(), &decoder, &device().unwrap()).expect(&name);
        assert_eq!(again.config, adapter.config, "{name}");
    }
}

#[test]
fn shift_equals_the_norm_of_the_dense_update() {
    for Case {
        name,
        folder,
        decoder,
    } in cases()
    {
        let adapter =
            load_adapter(&folder.join("adapter_final"), &decoder, &device().unwrap()).expect(&name);
        let shifts = adapter_shift(&adapter, &decoder);
        let mut squares = 0.0;
        for shift in &shifts {
            let dense = floats(dense_update(&adapter, shift.site).expect("a site"));
            let square = dense.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
            assert!(
                (shift.norm - square.sqrt()).abs() <= 1e-6 * square.sqrt(),
                "{name} {}",
                shift.site
            );
            squares += square;
        }
        let off = (total_shift(&shifts) - squares.sqrt()).abs() / squares.sqrt();
        assert!(off < 1e-6, "{name}: {off:e}");
    }
}

/// Gives every parameter of its shape the value it holds.
struct Give(Tensor<2>);

impl burn::module::ModuleMapper for Give {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if param.val().dims().as_slice() != self.0.dims().as_slice() {
            return param;
        }
        let value = self.0.clone().reshape(param.val().dims());
        param.map(|_| value)
    }
}

/// Burn composes `W + s A B` and applies it as one weight; ours adds two thin products.
#[test]
fn activations_equal_those_of_burns_dense_composition() {
    use burn::module::Lora;
    use burn::nn::LinearConfig;
    let device = device().unwrap();
    device.seed(3);
    let linear = LinearConfig::new(24, 16).with_bias(false).init(&device);
    let x = Tensor::<3>::random([2, 5, 24], burn::tensor::Distribution::Default, &device);
    let b = Tensor::<2>::random([4, 16], burn::tensor::Distribution::Default, &device);
    let composed = linear.clone().apply_lora(Lora::new(4, 8.0));
    let composed = composed.map(&mut Give(b.clone()));
    let a = composed.weight.adapter().expect("an adapter").a.val();
    let want = floats(composed.forward(x.clone()));
    let config = LoraConfig {
        rank: 4,
        alpha: 8.0,
        ..LoraConfig::default()
    };
    let site = idiolect_model::Site {
        layer: 0,
        projection: idiolect_model::Projection::Query,
    };
    let factors = vec![Factors::new(a, b, config.scale())];
    let ours = LoraAdapter {
        factors,
        whole: WholeModules::default(),
        sites: vec![site],
        config,
        wrapper: Wrapper::default(),
    };
    let base = x.clone().matmul(linear.weight.val().inner().unsqueeze());
    assert_close(
        "activations",
        &floats(ours.valid().apply(site, &x, base)),
        &want,
        1e-5,
    );
}

#[test]
fn an_adapter_for_another_model_is_refused_by_tensor() {
    let Some(shared) = shared() else { return };
    let tiny = shared.join("oracles/tiny/tiny-mistral-headdim");
    let (mistral, _) = idiolect_model::load(&tiny, &device().unwrap(), FloatDType::F32).unwrap();
    let folder = shared.join("oracles/peft/tiny-llama3/qv/adapter_final");
    let error = load_adapter(&folder, &mistral, &device().unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("model.layers.0.self_attn.q_proj.lora_B.weight"),
        "{error}"
    );
    assert!(
        error.contains("expected shape [96, 8], found shape [64, 8]"),
        "{error}"
    );
}

#[test]
fn a_new_adapter_changes_nothing_and_follows_its_seed() {
    for Case { name, decoder, .. } in cases().into_iter().take(1) {
        let make = |seed| {
            LoraAdapter::new(&LoraConfig::default(), &decoder, seed, &device().unwrap())
                .expect(&name)
        };
        assert_eq!(
            eval_logits(&decoder, &make(1)),
            eval_logits(&decoder, &NoAdapter)
        );
        let a = |adapter: LoraAdapter| floats(adapter.factors[0].a.val());
        assert_eq!(a(make(1)), a(make(1)));
        assert_ne!(a(make(1)), a(make(2)));
        let bound = (decoder.config.hidden_size as f32).sqrt().recip();
        assert!(a(make(1)).iter().all(|x| x.abs() <= bound));
    }
}
