//! How factors start, what dropout leaves alone, and how `PiSSA` and mixed ranks come back from disk.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use idiolect_lora::{
    Checkpointing, Init, LoraAdapter, LoraConfig, Scaling, Targets, adapter_gradients,
    load_adapter, save_adapter,
};
use idiolect_model::{Decoder, NoAdapter};
use idiolect_testkit::{Nudge, assert_close};

use crate::tiny::{batch, hidden, new, tiny};

/// Gradients of the sum of hidden states at the trained positions, site by site.
fn gradients(
    decoder: &Decoder,
    adapter: &LoraAdapter,
    checkpointing: Checkpointing,
    seed: u64,
) -> Vec<f32> {
    let head = |hidden: Tensor<2>| Ok::<_, ()>(hidden.ones_like());
    let grads = adapter_gradients(decoder, adapter, &batch(seed), checkpointing, head).unwrap();
    let of = |param: &Param<Tensor<2>>| grads.get::<2>(param.id).unwrap();
    let parts = adapter.factors.iter().flat_map(|f| [of(&f.a), of(&f.b)]);
    parts
        .flat_map(|g| g.into_data().iter::<f32>().collect::<Vec<_>>())
        .collect()
}

#[test]
fn dropout_is_drawn_again_where_a_block_is_computed_again() {
    let Some(decoder) = tiny() else { return };
    for dora in [false, true] {
        let (targets, dropout) = (Targets::AllLinear, 0.3);
        let config = LoraConfig {
            dora,
            targets,
            dropout,
            ..LoraConfig::default()
        };
        let device = Device::flex().autodiff();
        let adapter = LoraAdapter::new(&config, &decoder, 3, &device).unwrap();
        let adapter = adapter.map(&mut Nudge(0.0));
        let whole = gradients(&decoder, &adapter, Checkpointing::Off, 9);
        let blocks = gradients(&decoder, &adapter, Checkpointing::Blocks, 9);
        assert_close("blocks against the whole", &blocks, &whole, 1e-4);
        assert_ne!(gradients(&decoder, &adapter, Checkpointing::Off, 10), whole);

        // Outside a training pass nothing is dropped.
        let mut without = adapter.clone();
        without.config.dropout = 0.0;
        assert_eq!(
            hidden(&decoder, &adapter.valid()),
            hidden(&decoder, &without.valid())
        );
        assert_ne!(gradients(&decoder, &without, Checkpointing::Off, 9), whole);
    }
}

#[test]
fn an_adapter_at_rest_computes_what_it_computed_before() {
    let Some(decoder) = tiny() else { return };
    let config = LoraConfig {
        dora: true,
        ..LoraConfig::default()
    };
    let device = Device::flex().autodiff();
    let adapter = LoraAdapter::new(&config, &decoder, 3, &device).unwrap();
    assert_close(
        "start",
        &hidden(&decoder, &adapter.valid()),
        &hidden(&decoder, &NoAdapter),
        1e-5,
    );
    let adapter = adapter.map(&mut Nudge(0.0));
    let moving = hidden(&decoder, &adapter.valid());
    assert_eq!(hidden(&decoder, &adapter.frozen()), moving);
    assert_ne!(moving, hidden(&decoder, &NoAdapter));
}

#[test]
fn pissa_changes_nothing_at_first_and_fits_the_unchanged_model_from_disk() {
    let Some(decoder) = tiny() else { return };
    for scaling in [Scaling::Standard, Scaling::RankStabilized] {
        let config = LoraConfig {
            init: Init::Pissa,
            scaling,
            rank_pattern: vec![("v_proj".into(), 5)],
            ..LoraConfig::default()
        };
        let adapter = new(&config, &decoder);
        assert_eq!(hidden(&decoder, &adapter), hidden(&decoder, &NoAdapter));
        let moved = adapter.map(&mut Nudge(0.0));
        let folder = tempfile::tempdir().unwrap();
        save_adapter(&moved, folder.path(), "tiny").unwrap();
        let again = load_adapter(folder.path(), &decoder, &Device::flex()).unwrap();
        let ranks: Vec<usize> = again
            .factors
            .iter()
            .map(idiolect_lora::Factors::rank)
            .collect();
        assert_eq!(ranks, [16, 10, 16, 10, 16, 10]);
        let wanted = hidden(&decoder, &moved);
        assert_close("from disk", &hidden(&decoder, &again), &wanted, 1e-4);
        let merged = idiolect_lora::merge(decoder.clone(), &moved).unwrap();
        assert_close("merged", &hidden(&merged, &NoAdapter), &wanted, 1e-4);
    }
    let high = LoraConfig {
        init: Init::Pissa,
        rank: 33,
        ..LoraConfig::default()
    };
    let error = LoraAdapter::new(&high, &decoder, 3, &Device::flex())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("rank: expected at most 32 at model.layers.0.self_attn.v_proj"),
        "{error}"
    );
}

#[test]
fn gaussian_factors_have_the_deviation_of_peft() {
    let Some(decoder) = tiny() else { return };
    let config = LoraConfig {
        init: Init::Gaussian,
        targets: Targets::AllLinear,
        ..LoraConfig::default()
    };
    let adapter = new(&config, &decoder);
    let parts = adapter.factors.iter().map(|f| f.a.val().into_data());
    let values: Vec<f64> = parts
        .flat_map(|a| a.iter::<f64>().collect::<Vec<_>>())
        .collect();
    let squares: f64 = values.iter().map(|x| x * x).sum();
    let deviation = (squares / values.len() as f64).sqrt();
    assert!((deviation * 8.0 - 1.0).abs() < 0.02, "{deviation}");
    assert_eq!(hidden(&decoder, &adapter), hidden(&decoder, &NoAdapter));
}
