//! Several adapters as one, and several at the same time.

use burn::module::{Module, Param};
use burn::tensor::Device;
use idiolect_lora::{
    Init, LoraAdapter, LoraConfig, ScaledAdapter, Scaling, Stack, Targets, combine, dense_update,
    load_adapter, save_adapter,
};
use idiolect_model::NoAdapter;
use idiolect_testkit::{Nudge, assert_close};

use crate::tiny::{hidden, new, places, tiny};

fn scaled(adapter: &LoraAdapter, weight: f64) -> ScaledAdapter {
    let adapter = adapter.clone();
    ScaledAdapter { adapter, weight }
}

#[test]
fn a_combination_is_the_weighted_sum_and_a_plain_adapter_on_disk() {
    let Some(decoder) = tiny() else { return };
    let other = LoraConfig {
        rank: 3,
        targets: Targets::Names(vec!["v_proj".into(), "layers.1.mlp.up_proj".into()]),
        scaling: Scaling::RankStabilized,
        ..LoraConfig::default()
    };
    let start = LoraConfig {
        init: Init::Pissa,
        ..LoraConfig::default()
    };
    let made = [LoraConfig::default(), other, start].map(|config| {
        let adapter = new(&config, &decoder);
        adapter.map(&mut Nudge(0.0))
    });
    for parts in [
        vec![
            scaled(&made[0], 0.7),
            scaled(&made[1], 0.3),
            scaled(&made[2], -0.5),
        ],
        vec![scaled(&made[0], 0.25), scaled(&made[0], 0.75)],
    ] {
        let one = combine(&parts).unwrap();
        let stack = Stack { parts };
        let wanted = hidden(&decoder, &stack);
        assert_close("combined", &hidden(&decoder, &one), &wanted, 1e-4);
        let folder = tempfile::tempdir().unwrap();
        save_adapter(&one, folder.path(), "tiny").unwrap();
        let again = load_adapter(folder.path(), &decoder, &Device::flex()).unwrap();
        assert_eq!(hidden(&decoder, &again), hidden(&decoder, &one));
        assert_eq!(places(&again), places(&one));
    }
    let dora = LoraConfig {
        dora: true,
        ..LoraConfig::default()
    };
    let error = combine(&[scaled(&new(&dora, &decoder), 1.0)])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("use_dora: expected off in adapters to combine"),
        "{error}"
    );
    assert!(combine(&[]).is_err() && combine(&[scaled(&made[0], f64::NAN)]).is_err());
}

#[test]
fn a_stack_computes_what_the_weighted_dense_changes_compute() {
    let Some(decoder) = tiny() else { return };
    let dora = LoraConfig {
        dora: true,
        targets: Targets::AllLinear,
        ..LoraConfig::default()
    };
    let made = [LoraConfig::default(), dora, LoraConfig::default()].map(|config| {
        let adapter = new(&config, &decoder);
        adapter.map(&mut Nudge(0.0))
    });
    let weights = [1.0, 0.5, 0.0];
    let mut dense = decoder.clone();
    for (adapter, weight) in made.iter().zip(weights) {
        for site in &adapter.sites {
            let change = dense_update(adapter, *site).expect("a change") * weight;
            let place = &mut dense.weights.blocks[site.layer].projections[site.projection as usize];
            *place = Param::from_tensor(place.val() + change);
        }
    }
    let parts = made.iter().zip(weights);
    let parts = parts.map(|(adapter, weight)| scaled(adapter, weight));
    let mut stack = Stack {
        parts: parts.collect(),
    };
    let merged = hidden(&dense, &NoAdapter);
    assert_close("stack", &hidden(&decoder, &stack), &merged, 1e-5);
    // Another choice of the same adapters: the first alone.
    stack.parts[1].weight = 0.0;
    let alone = hidden(&decoder, &stack.parts[0].adapter);
    assert_close("the first", &hidden(&decoder, &stack), &alone, 1e-5);
    assert_ne!(merged, alone);
}
