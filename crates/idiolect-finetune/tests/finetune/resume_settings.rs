//! A run directory belongs to one base model and one adapter: what may change when a run resumes, and what not.

use burn::module::Module;
use idiolect_finetune::{ActivationCheckpointing, FineTune, FineTuneSettings, Loss};
use idiolect_lm::{Dtype, LanguageModel, ModelSettings};
use idiolect_lora::{Init, LoraConfig, Scaling, Targets};
use idiolect_testkit::Nudge;
use idiolect_train::TrainConfig;

use crate::place::{Place, bits, config};

fn plain() -> LoraConfig {
    LoraConfig {
        rank: 4,
        alpha: 8.0,
        ..LoraConfig::default()
    }
}

/// One change each, by the name under which it is refused.
fn changes() -> Vec<(&'static str, LoraConfig)> {
    let names = |names: &[&str]| Targets::Names(names.iter().map(|name| (*name).into()).collect());
    let changed = |change: &dyn Fn(&mut LoraConfig)| {
        let mut config = plain();
        change(&mut config);
        config
    };
    vec![
        ("rank", changed(&|c| c.rank = 2)),
        ("alpha", changed(&|c| c.alpha = 16.0)),
        (
            "targets",
            changed(&|c| c.targets = names(&["k_proj", "v_proj"])),
        ),
        ("rslora", changed(&|c| c.scaling = Scaling::RankStabilized)),
        (
            "exclude_modules",
            changed(&|c| c.exclude_modules = Some(names(&["layers.0.self_attn.q_proj"]))),
        ),
        ("dora", changed(&|c| c.dora = true)),
        ("lora_bias", changed(&|c| c.lora_bias = true)),
        ("layers", changed(&|c| c.layers = Some(vec![0]))),
        (
            "rank_pattern",
            changed(&|c| c.rank_pattern = vec![("q_proj".into(), 2)]),
        ),
        (
            "alpha_pattern",
            changed(&|c| c.alpha_pattern = vec![("q_proj".into(), 2.0)]),
        ),
        ("dropout", changed(&|c| c.dropout = 0.1)),
        ("init", changed(&|c| c.init = Init::Gaussian)),
        (
            "modules_to_save",
            changed(&|c| c.modules_to_save = vec!["norm".into()]),
        ),
    ]
}

#[test]
fn another_adapter_is_refused_by_the_name_of_its_setting() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let run = |lora: LoraConfig| {
        let run = place.run(&data).lora(lora).run_dir(place.path("run"));
        run.resume(true).start()
    };
    let first = bits(&run(plain()).unwrap().adapter);
    let config = place.bytes("run/run.toml");
    for (name, lora) in changes() {
        let error = run(lora).unwrap_err().to_string();
        let (_, expected) = error
            .split_once("expected a run with ")
            .expect("a difference");
        let named = expected.starts_with(&format!("{name} "))
            || expected.starts_with(&format!("no {name}"));
        assert!(named, "{name}: {error}");
        assert_eq!(place.bytes("run/run.toml"), config, "{name}");
    }
    assert_eq!(bits(&run(plain()).unwrap().adapter), first);
}

#[test]
fn another_loss_or_start_is_refused() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    place.in_folder("first");
    let run = |loss, start: &str| {
        let settings = FineTuneSettings {
            loss,
            init_adapter: Some(place.path(start)),
            ..FineTuneSettings::default()
        };
        let run = place.run(&data).settings(settings);
        run.run_dir(place.path("run")).resume(true).start()
    };
    run(Loss::CrossEntropy, "first/adapter").unwrap();
    let error = run(Loss::ForwardKl, "first/adapter").unwrap_err();
    assert!(
        error.to_string().contains("expected a run with loss "),
        "{error}"
    );
    let error = run(Loss::CrossEntropy, "run/adapter").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected a run with init_adapter "),
        "{error}"
    );
}

#[test]
fn another_base_model_or_type_is_refused() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let run = |model: &LanguageModel| {
        let run = FineTune::new(model, &data).config(config());
        let run = run.run_dir(place.path("run")).resume(true).start();
        run.map_err(|error| error.to_string())
    };
    let mut model = place.model();
    run(&model).unwrap();
    let half = ModelSettings {
        dtype: Some(Dtype::Bf16),
        ..model.settings().clone()
    };
    let half = LanguageModel::from_settings(&half).unwrap();
    let error = run(&half).unwrap_err();
    assert!(
        error.contains("expected a run with dtype bf16, as asked, found one with dtype f32"),
        "{error}"
    );
    let weights = model.take_weights();
    let other = model.with_weights(weights.map(&mut Nudge(0.0)));
    let error = run(&other).unwrap_err();
    assert!(error.contains("expected a run with model "), "{error}");
}

#[test]
fn what_changes_no_result_may_change() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let first = place.in_folder("run");
    let settings = FineTuneSettings {
        activation_checkpointing: ActivationCheckpointing::On,
        tensorboard: true,
        ..FineTuneSettings::default()
    };
    let saving = TrainConfig {
        keep_checkpoints: 1,
        ..config()
    };
    let none = TrainConfig {
        checkpoint_every: 0,
        ..config()
    };
    for config in [saving, none] {
        let run = place.run(&data).config(config).settings(settings.clone());
        let again = run.run_dir(place.path("run")).resume(true).start();
        assert_eq!(bits(&again.unwrap().adapter), bits(&first.adapter));
    }
}
