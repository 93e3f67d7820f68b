//! Logits of a decoder with an adapter: those of PEFT, of the merged model, and of Burn's own composition.

use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};
use idiolect_lora::{Factors, LoraAdapter, LoraConfig, WholeModules, load_adapter, merge_checked};
use idiolect_model::{Adapter, NoAdapter, Wrapper};
use idiolect_testkit::{Tensors, assert_close, bound, device};

use super::oracles::{Case, batches, cases, eval_logits, floats, ids, real};

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
            bound(1e-4, 0.2),
        );
        assert_close(
            &format!("{name} final"),
            &eval_logits(&decoder, &final_),
            &want("eval_logits_final"),
            bound(1e-4, 0.2),
        );
        let (shape, values) = batches().i64("eval_input_ids").unwrap();
        let probe = ids([shape[0], shape[1]], &values);
        let (merged, unmerged) = merge_checked(decoder, &final_, probe).unwrap();
        let [exact, rounded] = [DType::F32, DType::BF16].map(|stored| {
            unmerged
                .against(merged.clone(), stored)
                .max_logit_difference
        });
        assert!(exact < bound(1e-4, 0.2), "{name}: {exact}");
        // What the type on disk takes away is told.
        let least = bound(10.0 * exact, 1e-3);
        assert!(rounded > least && rounded < 0.5, "{name}: {rounded}");
        let merged = eval_logits(&merged, &NoAdapter);
        assert_close(
            &format!("{name} merged"),
            &merged,
            &want("eval_logits_final_merged"),
            bound(1e-4, 0.2),
        );
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
        folded: Vec::new(),
        wrapper: Wrapper::default(),
    };
    let base = x.clone().matmul(linear.weight.val().inner().unsqueeze());
    assert_close(
        "activations",
        &floats(ours.valid().apply(site, &x, base)),
        &want,
        bound(1e-5, 0.01),
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
