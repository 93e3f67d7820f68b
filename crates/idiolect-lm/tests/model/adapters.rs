//! Adapters on and off, from a folder and from memory, several at once.

mod mixed;
mod refused_rows;

use burn::module::Module;
use burn::tensor::Device;
use idiolect_lm::{LanguageModel, LmError, WeightedAdapter};
use idiolect_lora::{LoraAdapter, LoraConfig, save_adapter};

use idiolect_testkit::Nudge;

use crate::tiny::{loss, model, peft, tiny};

fn weighted(name: &str, weight: f64) -> WeightedAdapter {
    WeightedAdapter {
        weight,
        ..WeightedAdapter::whole(&peft(name))
    }
}

/// An adapter as training leaves it: on the tape and moved.
fn trained(model: &LanguageModel, config: &LoraConfig) -> LoraAdapter {
    let device = Device::flex().autodiff();
    let new = LoraAdapter::new(config, model.base_decoder(), 3, &device).unwrap();
    new.map(&mut Nudge(0.0))
}

#[test]
fn an_adapter_is_on_and_off_again() {
    let Some(model) = tiny() else { return };
    let before = loss(&model);
    let tuned = model.load_adapter(&peft("qv")).unwrap();
    assert!((loss(&tuned) - before).abs() > 1e-3);
    assert_ne!(tuned.chat("Say red.").unwrap(), "");
    assert_eq!(loss(&model).to_bits(), before.to_bits());
    assert_eq!(loss(&tuned.without_adapter()).to_bits(), before.to_bits());
    let other = tuned.load_adapter(&peft("all_dora")).unwrap();
    let alone = model.load_adapter(&peft("all_dora")).unwrap();
    assert_eq!(loss(&other).to_bits(), loss(&alone).to_bits());
    let summary = serde_json::to_value(tuned.summary()).unwrap();
    assert_eq!(
        summary["adapter"]["rank"],
        tuned.lora().unwrap().config.rank
    );
}

#[test]
fn the_directory_of_a_run_stands_for_the_adapter_in_it() {
    let Some(model) = tiny() else { return };
    let run = tempfile::tempdir().unwrap();
    let adapter = run.path().join("adapter");
    std::fs::create_dir(&adapter).unwrap();
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        std::fs::copy(peft("qv").join(name), adapter.join(name)).unwrap();
    }
    let expected = loss(&model.load_adapter(&adapter).unwrap());
    let of_run = model.load_adapter(run.path()).unwrap();
    assert_eq!(loss(&of_run).to_bits(), expected.to_bits());
    let half = |folder| WeightedAdapter {
        weight: 0.5,
        ..WeightedAdapter::whole(folder)
    };
    let [half, of_run] = [adapter.as_path(), run.path()]
        .map(|folder| loss(&model.load_adapters(&[half(folder)]).unwrap()));
    assert_eq!(half.to_bits(), of_run.to_bits());
}

#[test]
fn an_adapter_in_memory_is_the_one_that_its_folder_holds() {
    let Some(model) = tiny() else { return };
    let whole = LoraConfig {
        modules_to_save: vec!["lm_head".into(), "model.norm".into()],
        ..LoraConfig::default()
    };
    for config in [LoraConfig::default(), whole] {
        let adapter = trained(&model, &config);
        let memory = model.with_adapter(&adapter).unwrap();
        let folder = tempfile::tempdir().unwrap();
        save_adapter(&adapter, folder.path(), model.name()).unwrap();
        let read = model.load_adapter(folder.path()).unwrap();
        assert_eq!(loss(&memory).to_bits(), loss(&read).to_bits());
        assert!((loss(&memory) - loss(&model)).abs() > 1e-3);
        assert_eq!(memory.adapter_hash().unwrap(), read.adapter_hash().unwrap());
        assert!(memory.adapter_hash().unwrap().is_some());
        assert_eq!(
            loss(&memory.without_adapter()).to_bits(),
            loss(&model).to_bits()
        );
    }
    assert_eq!(model.adapter_hash().unwrap(), None);
}

#[test]
fn an_adapter_of_another_shape_is_refused() {
    let Some(model) = tiny() else { return };
    let mut config = model.base_decoder().config.clone();
    config.num_layers = 2;
    let mut adapter = trained(&model, &LoraConfig::default());
    let last = adapter.sites.last_mut().unwrap();
    last.layer = 7;
    let error = model.with_adapter(&adapter).unwrap_err().to_string();
    assert!(
        error.contains("blocks below 3") && error.contains("layers.7"),
        "{error}"
    );
    let mut adapter = trained(&model, &LoraConfig::default());
    let [query, value] = [0, 1].map(|at| adapter.factors[at].clone());
    (adapter.factors[0], adapter.factors[1]) = (value, query);
    let error = model.with_adapter(&adapter).unwrap_err();
    assert!(matches!(error, LmError::Setting { .. }), "{error}");
    assert!(error.to_string().contains("q_proj"), "{error}");
}

#[test]
fn several_adapters_add_up_as_their_combination_does() {
    let Some(model) = tiny() else { return };
    let parts = [weighted("qv", 0.5), weighted("all", -0.25)];
    let stack = model.load_adapters(&parts).unwrap();
    let place = tempfile::tempdir().unwrap();
    let summary = model.combine(&parts, place.path()).unwrap();
    assert_eq!(summary.adapters, 2);
    assert!(summary.shift > 0.0 && summary.sites > 6);
    let one = model.load_adapter(place.path()).unwrap();
    let off = (loss(&stack) - loss(&one)).abs();
    assert!(off < 1e-3, "{off}");
    assert!((loss(&stack) - loss(&model)).abs() > 1e-3);
    assert!(stack.lora().is_none());
    // The weights are a part of what is on.
    let other = model
        .load_adapters(&[weighted("qv", 0.5), weighted("all", 0.25)])
        .unwrap();
    assert_ne!(stack.adapter_hash().unwrap(), other.adapter_hash().unwrap());
    let single = model.load_adapters(&[weighted("qv", 1.0)]).unwrap();
    assert_eq!(
        single.adapter_hash().unwrap(),
        model
            .load_adapter(&peft("qv"))
            .unwrap()
            .adapter_hash()
            .unwrap()
    );
    assert_eq!(
        loss(&model.load_adapters(&[]).unwrap()).to_bits(),
        loss(&model).to_bits()
    );
    let none = model.load_adapters(&[weighted("qv", 0.0)]).unwrap();
    assert_eq!(loss(&none).to_bits(), loss(&model).to_bits());
}

#[test]
fn an_adapter_with_whole_modules_stands_alone() {
    let Some(model) = tiny() else { return };
    let config = LoraConfig {
        modules_to_save: vec!["model.norm".into()],
        ..LoraConfig::default()
    };
    let folder = tempfile::tempdir().unwrap();
    save_adapter(&trained(&model, &config), folder.path(), "base").unwrap();
    let half = WeightedAdapter {
        weight: 0.5,
        ..WeightedAdapter::whole(folder.path())
    };
    let error = model.load_adapters(&[half]).unwrap_err().to_string();
    assert!(
        error.starts_with("adapter: ") && error.contains("modules_to_save"),
        "{error}"
    );
}

#[test]
fn a_folder_of_another_model_is_refused() {
    let Some(other) = model("tiny-mistral-headdim") else {
        return;
    };
    let error = other.load_adapter(&peft("qv")).unwrap_err();
    assert!(matches!(error, LmError::Lora(_)), "{error}");
    let missing = other.load_adapter(&peft("none")).unwrap_err().to_string();
    assert!(missing.contains("adapter_config.json"), "{missing}");
}
