//! Options of PEFT on a tiny checkpoint: which projections they choose, what dropout leaves alone, and how
//! `PiSSA` and mixed ranks come back from disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests end them"
)]

use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use idiolect_lora::{
    Init, LoraAdapter, LoraConfig, LoraError, Positions, Scaling, Stack, Tape, Targets,
    adapter_gradients, combine, dense_update, load, merge, read_config, save,
};
use idiolect_model::{Adapter, Decoder, NoAdapter};
use idiolect_testkit::{assert_close, shared};
use serde_json::{Value, json};

fn tiny() -> Option<Decoder> {
    let folder = shared()?.join("oracles/tiny/tiny-llama3");
    let loaded = idiolect_model::load(&folder, &Device::flex(), FloatDType::F32);
    Some(loaded.expect("tiny-llama3").0)
}

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/places.json")).unwrap()
}

fn read(config: &Value) -> Result<LoraConfig, LoraError> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), config);
    read_config(folder.path())
}

fn write(folder: &Path, config: &Value) {
    std::fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
}

fn new(config: &LoraConfig, decoder: &Decoder) -> LoraAdapter {
    LoraAdapter::new(config, decoder, 3, &Device::flex()).unwrap()
}

/// Path, rank and scale of every site.
fn places(adapter: &LoraAdapter) -> Vec<(String, usize, f64)> {
    let sites = adapter.sites.iter().zip(&adapter.factors);
    let mut places: Vec<_> = sites
        .map(|(site, factors)| (site.to_string(), factors.rank(), factors.scale))
        .collect();
    places.sort_by(|a, b| a.0.cmp(&b.0));
    places
}

#[test]
fn configurations_choose_the_modules_ranks_and_scales_that_they_choose_in_peft() {
    let Some(decoder) = tiny() else { return };
    for (name, case) in golden()["cases"].as_object().unwrap() {
        let config = read(&case["config"]).expect(name);
        let adapter = new(&config, &decoder);
        let wanted = case["places"].as_object().unwrap().iter();
        let mut wanted: Vec<_> = wanted
            .map(|(path, place)| {
                let rank = usize::try_from(place[0].as_u64().unwrap()).unwrap();
                (path.clone(), rank, place[1].as_f64().unwrap())
            })
            .collect();
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(places(&adapter), wanted, "{name}");

        let folder = tempfile::tempdir().unwrap();
        save(&adapter, folder.path(), "tiny").unwrap();
        let again = load(folder.path(), &decoder, &Device::flex()).unwrap();
        assert_eq!(places(&again), wanted, "{name} from disk");
        assert_eq!(again.config, config, "{name} from disk");
    }
}

#[test]
fn options_that_change_the_arithmetic_and_are_not_supported_are_refused_by_name() {
    let plain = golden()["cases"]["names"]["config"].clone();
    let wrong = [
        ("bias", json!("all")),
        ("modules_to_save", json!(["lm_head", 7])),
        ("exclude_modules", json!(["q_proj"])),
        ("layer_replication", json!([[0, 1]])),
        ("init_lora_weights", json!("olora")),
        ("init_lora_weights", json!("pissa_niter_4")),
        ("layers_pattern", json!("blocks")),
        ("layers_to_transform", json!("first")),
        ("rank_pattern", json!({"q_proj": "many"})),
        ("target_modules", json!(null)),
        ("lora_dropout", json!("some")),
    ];
    for (field, value) in wrong {
        let mut config = plain.clone();
        config[field] = value;
        let error = read(&config).unwrap_err().to_string();
        assert!(error.contains(&format!("{field}: expected")), "{error}");
    }
}

#[test]
fn a_file_and_its_configuration_must_name_the_same_parts() {
    let Some(decoder) = tiny() else { return };
    let folder = tempfile::tempdir().unwrap();
    let adapter = new(&LoraConfig::default(), &decoder);
    save(&adapter, folder.path(), "tiny").unwrap();
    let text = std::fs::read_to_string(folder.path().join("adapter_config.json")).unwrap();
    let config: Value = serde_json::from_str(&text).unwrap();
    let refused = |field: &str, value: Value, part: &str| {
        let mut config = config.clone();
        config[field] = value;
        write(folder.path(), &config);
        let error = load(folder.path(), &decoder, &Device::flex())
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(
        "target_modules",
        json!(["q_proj"]),
        "v_proj.lora_A.weight: expected a part",
    );
    refused(
        "target_modules",
        json!("all-linear"),
        "k_proj.lora_A.weight: expected shape",
    );
    refused(
        "rank_pattern",
        json!({"v_proj": 2}),
        "expected shape [2, 64], found shape [8, 64]",
    );
    refused(
        "use_dora",
        json!(true),
        "lora_magnitude_vector: expected shape [64], found nothing",
    );
    refused(
        "layers_to_transform",
        json!([7]),
        "layers: expected blocks below 3, found 7",
    );
}

/// Moves every parameter by a little.
struct Nudge(f64);

impl ModuleMapper for Nudge {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.0 += 1.0;
        let by = 0.02 * self.0.sin();
        param.map(|value| {
            let taped = value.is_autodiff();
            let moved = value.without_autodiff() * (1.0 + by) + by;
            if taped {
                moved.autodiff().require_grad()
            } else {
                moved
            }
        })
    }
}

fn batch(seed: u64) -> Positions {
    let ids: Vec<i64> = (0..12).map(|i| (i * 37 + 5) % 384).collect();
    let trained: Vec<i64> = vec![1, 2, 3, 4, 7, 8, 9];
    let count = trained.len();
    let device = Device::flex();
    Positions {
        ids: Tensor::<2, Int>::from_data(TensorData::new(ids, [2, 6]), &device),
        trained: Tensor::from_data(TensorData::new(trained, [count]), &device),
        seed,
    }
}

fn hidden(decoder: &Decoder, adapter: &dyn Adapter) -> Vec<f32> {
    let hidden = decoder.hidden(batch(0).ids, adapter);
    hidden.into_data().iter::<f32>().collect()
}

/// Gradients of the sum of hidden states at the trained positions, site by site.
fn gradients(decoder: &Decoder, adapter: &LoraAdapter, tape: Tape, seed: u64) -> Vec<f32> {
    let head = |hidden: Tensor<2>| Ok::<_, ()>(hidden.ones_like());
    let grads = adapter_gradients(decoder, adapter, &batch(seed), tape, head).unwrap();
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
        let whole = gradients(&decoder, &adapter, Tape::Whole, 9);
        let blocks = gradients(&decoder, &adapter, Tape::Blocks, 9);
        assert_close("blocks against the whole", &blocks, &whole, 1e-4);
        assert_ne!(gradients(&decoder, &adapter, Tape::Whole, 10), whole);

        // Outside a training pass nothing is dropped.
        let mut without = adapter.clone();
        without.config.dropout = 0.0;
        assert_eq!(
            hidden(&decoder, &adapter.valid()),
            hidden(&decoder, &without.valid())
        );
        assert_ne!(gradients(&decoder, &without, Tape::Whole, 9), whole);
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
    assert_eq!(hidden(&decoder, &adapter.at_rest()), moving);
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
        save(&moved, folder.path(), "tiny").unwrap();
        let again = load(folder.path(), &decoder, &Device::flex()).unwrap();
        let ranks: Vec<usize> = again
            .factors
            .iter()
            .map(idiolect_lora::Factors::rank)
            .collect();
        assert_eq!(ranks, [16, 10, 16, 10, 16, 10]);
        let wanted = hidden(&decoder, &moved);
        assert_close("from disk", &hidden(&decoder, &again), &wanted, 1e-4);
        let merged = idiolect_lora::merge(decoder.clone(), &moved);
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
        vec![(&made[0], 0.7), (&made[1], 0.3), (&made[2], -0.5)],
        vec![(&made[0], 0.25), (&made[0], 0.75)],
    ] {
        let one = combine(&parts).unwrap();
        let stack = Stack {
            parts: parts
                .iter()
                .map(|(part, w)| ((*part).clone(), *w))
                .collect(),
        };
        let wanted = hidden(&decoder, &stack);
        assert_close("combined", &hidden(&decoder, &one), &wanted, 1e-4);
        let folder = tempfile::tempdir().unwrap();
        save(&one, folder.path(), "tiny").unwrap();
        let again = load(folder.path(), &decoder, &Device::flex()).unwrap();
        assert_eq!(hidden(&decoder, &again), hidden(&decoder, &one));
        assert_eq!(places(&again), places(&one));
    }
    let dora = LoraConfig {
        dora: true,
        ..LoraConfig::default()
    };
    let error = combine(&[(&new(&dora, &decoder), 1.0)])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("use_dora: expected off in adapters to combine"),
        "{error}"
    );
    assert!(combine(&[]).is_err() && combine(&[(&made[0], f64::NAN)]).is_err());
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
    let mut stack = Stack {
        parts: made.into_iter().zip(weights).collect(),
    };
    let merged = hidden(&dense, &NoAdapter);
    assert_close("stack", &hidden(&decoder, &stack), &merged, 1e-5);
    // Another choice of the same adapters: the first alone.
    stack.parts[1].1 = 0.0;
    let alone = hidden(&decoder, &stack.parts[0].0);
    assert_close("the first", &hidden(&decoder, &stack), &alone, 1e-5);
    assert_ne!(merged, alone);
}

#[test]
fn an_adapter_of_a_base_model_changes_its_tuned_model_by_the_same_weights() {
    let Some(base) = tiny() else { return };
    let adapter = new(&LoraConfig::default(), &base).map(&mut Nudge(0.0));
    let folder = tempfile::tempdir().unwrap();
    save(&adapter, folder.path(), "base").unwrap();
    // The tuned model: the base after some other training.
    let mut tuned = base.clone();
    for block in &mut tuned.weights.blocks {
        for weight in &mut block.projections {
            *weight = Param::from_tensor(weight.val() * 0.9 + 0.01);
        }
    }
    let carried = load(folder.path(), &tuned, &Device::flex()).expect("same names and shapes");
    let merged = merge(tuned.clone(), &carried);
    for site in &adapter.sites {
        let at = |decoder: &Decoder| {
            decoder.weights.blocks[site.layer].projections[site.projection as usize].val()
        };
        let moved = (at(&merged) - at(&tuned)).into_data();
        let change = dense_update(&adapter, *site).expect("a change").into_data();
        let [moved, change] = [moved, change].map(|data| data.iter::<f32>().collect::<Vec<_>>());
        assert_close(&site.to_string(), &moved, &change, 1e-6);
    }
    let (applied, merged) = (hidden(&tuned, &carried), hidden(&merged, &NoAdapter));
    assert_close("applied and merged", &applied, &merged, 1e-4);
    assert_ne!(applied, hidden(&base, &adapter));
}

#[test]
fn an_adapter_of_a_model_with_more_blocks_is_refused_by_name() {
    let Some(base) = tiny() else { return };
    let adapter = new(&LoraConfig::default(), &base);
    let folder = tempfile::tempdir().unwrap();
    save(&adapter, folder.path(), "base").unwrap();
    let mut shorter = base.clone();
    shorter.config.num_layers = 2;
    shorter.weights.blocks.truncate(2);
    let error = load(folder.path(), &shorter, &Device::flex()).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("model.layers.2.self_attn"), "{error}");
}
