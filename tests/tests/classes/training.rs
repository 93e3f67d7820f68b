//! Twenty steps of an adapter as PEFT makes them, and its files.

use std::path::Path;

use burn::tensor::Device;
use idiolect::lora::{Checkpointing, LoraAdapter, load_adapter, merge, save_adapter};
use idiolect_testkit::{Tensors, assert_close, device};

use crate::case::{Case, TOLERANCE, each, golden, logits_of};
use crate::recorded::{TINY, compare, compare_weights, config, json, rows, train};

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
            compare(&name, &trace, &steps, &TINY);
            let expected = adapter(case, "adapter_final", &device().unwrap());
            compare_weights(&name, &trained, &expected, &TINY);
        }
    });
}

#[test]
fn a_merged_model_computes_as_the_adapter_does() {
    each(|case| {
        let adapter = adapter(case, "adapter_final", &device().unwrap()).frozen();
        let expected = logits_of(&case.decoder, &adapter, case.padded("right"));
        let merged = merge(case.decoder.clone(), &adapter);
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
