//! Settings that make no run, each refused by name.

use idiolect_data::settings::{Layer, resolve};
use idiolect_finetune::{FineTune, FineTuneSettings, Loss, TrainSettings};
use idiolect_lora::LoraConfig;
use idiolect_train::TrainConfig;

use crate::place::{Place, config};

#[test]
#[allow(clippy::too_many_lines, reason = "a list of cases")]
fn settings_that_make_no_run_are_refused_by_name() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let plain = FineTuneSettings::default;
    let settings = |settings: FineTuneSettings, expected: &str| {
        let error = place
            .run(&data)
            .settings(settings)
            .start()
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    };
    settings(
        FineTuneSettings {
            loss: Loss::ForwardKl,
            ..plain()
        },
        "loss: expected ce, or an init_adapter beside it, found forward-kl",
    );
    settings(
        FineTuneSettings {
            max_length: Some(1 << 40),
            ..plain()
        },
        "max_length: expected 1 to ",
    );
    settings(
        FineTuneSettings {
            devices: vec!["abacus".to_owned()],
            ..plain()
        },
        "devices: expected one of",
    );
    settings(
        FineTuneSettings {
            init_adapter: Some(place.path("nowhere")),
            ..plain()
        },
        "nowhere",
    );
    settings(
        FineTuneSettings {
            add_tokens: vec![String::new()],
            ..plain()
        },
        "token",
    );
    let lora = |lora: LoraConfig, expected: &str| {
        let error = place.run(&data).lora(lora).start().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let plain = LoraConfig::default;
    lora(
        LoraConfig {
            alpha: f64::NAN,
            ..plain()
        },
        "alpha: expected a number",
    );
    lora(
        LoraConfig {
            layers: Some(vec![9]),
            ..plain()
        },
        "layers: expected blocks below",
    );
    let error = place.run(&data).config(TrainConfig {
        learning_rate: f64::INFINITY,
        ..config()
    });
    let error = error.start().unwrap_err().to_string();
    assert!(
        error.contains("learning_rate: expected above 0 and at most 10, found inf"),
        "{error}"
    );
    let error = place.run(&data).config(TrainConfig {
        patience: Some(1),
        ..config()
    });
    let error = error.start().unwrap_err().to_string();
    assert!(
        error.contains("patience: expected held-out rows"),
        "{error}"
    );
}

#[test]
fn settings_without_an_effect_are_refused_by_name() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let refused = |run: FineTune<'_>, expected: &str| {
        let error = run.start().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let lora = LoraConfig {
        alpha: 0.0,
        ..LoraConfig::default()
    };
    refused(
        place.run(&data).lora(lora),
        "alpha: expected above 0, found 0",
    );
    let config = TrainConfig {
        warmup_steps: 1000,
        ..config()
    };
    let expected = "warmup_steps: expected at most the steps of the run, found 1000 in a run of ";
    refused(place.run(&data).config(config), expected);
    let mut one = data.clone();
    one.rows.truncate(1);
    let settings = FineTuneSettings {
        validation_share: 0.5,
        ..FineTuneSettings::default()
    };
    let expected =
        "validation_share: expected 0, or enough rows to hold some of them out, found 0.5 of 1";
    refused(place.run(&one).settings(settings), expected);
}

#[test]
fn a_file_with_an_unknown_value_is_refused_with_what_is_known() {
    let refused = |text: &str, parts: &[&str]| {
        let layer = Layer {
            name: "run.toml".to_owned(),
            values: toml::from_str(text).unwrap(),
        };
        let error = resolve::<TrainSettings>(&[layer]).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    };
    refused("loss = \"js\"", &["run.toml", "loss", "reverse-kl", "js"]);
    refused("truncation = \"keep\"", &["truncation", "drop", "keep"]);
    refused(
        "activation_checkpointing = true",
        &["activation_checkpointing", "auto"],
    );
    refused("rank_pattern = [\"q_proj\"]", &["rank_pattern", "q_proj"]);
    refused("learnig_rate = 1.0", &["learning_rate", "learnig_rate"]);
    refused("overlong = \"cut\"", &["overlong", "truncation"]);
    refused(
        "checkpoint_blocks = \"on\"",
        &["checkpoint_blocks", "activation_checkpointing"],
    );
    refused("rate_ratios = []", &["rate_ratios"]);
}
