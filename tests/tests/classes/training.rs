//! Twenty steps of an adapter as PEFT makes them, and its files.

use std::path::Path;

use burn::tensor::Device;
use idiolect::lora::{
    Checkpointing, LoraAdapter, LoraConfig, ScaledAdapter, Targets, combine, load_adapter, merge,
    save_adapter,
};
use idiolect_testkit::{Tensors, assert_close, device};

use crate::case::{Case, TOLERANCE, each, golden, logits_of};
use crate::recorded::{compare, compare_weights, config, json, rows, tiny_bounds, train};

fn adapter(case: &Case, part: &str, device: &Device) -> LoraAdapter {
    let folder = case.folder.join("peft").join(part);
    load_adapter(&folder, &case.decoder, device).unwrap_or_else(|e| panic!("{}: {e}", case.name))
}

#[test]
fn twenty_steps_are_those_of_peft() {
    let (batch, rows) = rows(&Tensors::read(&golden().join("batches.safetensors")).unwrap());
    each(|case| {
        let trace = json(&case.folder.join("peft/trace.json"));
        for checkpointing in [Checkpointing::Blocks, Checkpointing::Off] {
            let name = format!("{} {checkpointing:?}", case.name);
            let start = adapter(case, "adapter_init", &device().unwrap().autodiff());
            let settings = config(&trace, batch);
            let (trained, steps) = train(&case.decoder, start, &settings, &rows, checkpointing);
            compare(&name, &trace, &steps, &tiny_bounds());
            let expected = adapter(case, "adapter_final", &device().unwrap());
            compare_weights(&name, &trained, &expected, &tiny_bounds());
        }
    });
}

#[test]
fn a_merged_model_computes_as_the_adapter_does() {
    each(|case| {
        let adapter = adapter(case, "adapter_final", &device().unwrap()).frozen();
        let own = adapter.decoder(&case.decoder);
        let expected = logits_of(&own, &adapter, case.padded("right"));
        let merged = merge(case.decoder.clone(), &adapter).unwrap();
        let found = logits_of(&merged, &idiolect::model::NoAdapter, case.padded("right"));
        assert_close(&case.name, &found, &expected, TOLERANCE);
    });
}

fn names(folder: &Path) -> Vec<String> {
    let tensors = Tensors::read(&folder.join("adapter_model.safetensors")).unwrap();
    let mut names = tensors.names().unwrap();
    names.sort_unstable();
    names
}

#[test]
fn an_adapter_is_written_with_the_names_of_peft() {
    each(|case| {
        let adapter = adapter(case, "adapter_final", &device().unwrap());
        let place = tempfile::tempdir().unwrap();
        save_adapter(&adapter, place.path(), &case.name).unwrap();
        let peft = case.folder.join("peft/adapter_final");
        assert_eq!(names(place.path()), names(&peft), "{}", case.name);
        let again = load_adapter(place.path(), &case.decoder, &device().unwrap()).unwrap();
        assert_eq!(again.sites, adapter.sites, "{}", case.name);
    });
}

/// Choices of projections that PEFT takes by name in a model that stands alone.
pub(crate) fn choices() -> Vec<LoraConfig> {
    let names = |names: [&str; 2]| Targets::Names(names.map(str::to_owned).to_vec());
    vec![
        LoraConfig {
            targets: Targets::AllLinear,
            ..LoraConfig::default()
        },
        LoraConfig {
            targets: names(["q_proj", "mlp.up_proj"]),
            layers: Some(vec![1]),
            rank_pattern: vec![("layers.1.self_attn.q_proj".into(), 2)],
            ..LoraConfig::default()
        },
    ]
}

#[test]
fn an_adapter_of_a_model_in_a_wrapper_names_the_decoder_alone() {
    each(|case| {
        let device = device().unwrap();
        for config in choices() {
            let adapter = LoraAdapter::new(&config, &case.decoder, 1, &device).unwrap();
            let both = [
                ScaledAdapter {
                    adapter: adapter.clone(),
                    weight: 0.5,
                },
                ScaledAdapter {
                    adapter: adapter.clone(),
                    weight: 2.0,
                },
            ];
            for adapter in [adapter, combine(&both).unwrap()] {
                let place = tempfile::tempdir().unwrap();
                save_adapter(&adapter, place.path(), &case.name).unwrap();
                let again = load_adapter(place.path(), &case.decoder, &device).unwrap();
                assert_eq!(again.sites, adapter.sites, "{}", case.name);
                let written = json(&place.path().join("adapter_config.json"));
                let in_wrapper = case.decoder.config.wrapper.class().is_some();
                assert_eq!(
                    written["target_modules"].is_string(),
                    in_wrapper,
                    "{}",
                    case.name
                );
                let of_wrapper = |name: &String| {
                    name.starts_with("base_model.model.model.language_model.layers.")
                };
                assert_eq!(
                    names(place.path()).iter().all(of_wrapper),
                    in_wrapper,
                    "{}",
                    case.name
                );
            }
        }
    });
}
