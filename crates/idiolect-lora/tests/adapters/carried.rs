//! An adapter on another model than the one it was made for.

use burn::module::{Module, Param};
use burn::tensor::Device;
use idiolect_lora::{LoraConfig, dense_update, load_adapter, merge, save_adapter};
use idiolect_model::{Decoder, NoAdapter};
use idiolect_testkit::{Nudge, assert_close};

use crate::tiny::{hidden, new, tiny};

#[test]
fn an_adapter_of_a_base_model_changes_its_tuned_model_by_the_same_weights() {
    let Some(base) = tiny() else { return };
    let adapter = new(&LoraConfig::default(), &base).map(&mut Nudge(0.0));
    let folder = tempfile::tempdir().unwrap();
    save_adapter(&adapter, folder.path(), "base").unwrap();
    // The tuned model: the base after some other training.
    let mut tuned = base.clone();
    for block in &mut tuned.weights.blocks {
        for weight in &mut block.projections {
            *weight = Param::from_tensor(weight.val() * 0.9 + 0.01);
        }
    }
    let carried =
        load_adapter(folder.path(), &tuned, &Device::flex()).expect("same names and shapes");
    let merged = merge(tuned.clone(), &carried).unwrap();
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
    save_adapter(&adapter, folder.path(), "base").unwrap();
    let mut shorter = base.clone();
    shorter.config.num_layers = 2;
    shorter.weights.blocks.truncate(2);
    let error = load_adapter(folder.path(), &shorter, &Device::flex()).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("model.layers.2.self_attn"), "{error}");
}
