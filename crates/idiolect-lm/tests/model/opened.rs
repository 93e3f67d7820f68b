//! Opening: from a folder, with settings, and what is refused.

use std::ops::ControlFlow;

use burn::module::Param;
use burn::tensor::Tensor;
use idiolect_generate::GenerationSettings;
use idiolect_lm::{Dtype, GenerateRun, LanguageModel, LmError, ModelPrompt, ModelSettings};
use idiolect_lora::{LoraAdapter, LoraConfig};
use serde_json::json;

use crate::tiny::{folder, loss, model, settings, tiny};

#[test]
fn a_folder_is_a_model_with_its_tokenizer_and_template() {
    let Some(model) = tiny() else { return };
    assert_eq!(model.name(), "tiny-llama3");
    assert_eq!(model.path(), folder("tiny-llama3").unwrap());
    assert_eq!(model.max_positions(), 256);
    assert_eq!(model.stop_tokens(), [2, 4]);
    assert_eq!(model.pad_id(), 0);
    assert_eq!(model.template().name(), "chat");
    assert_eq!(model.tokenizer().vocab_size(), 384);
    assert!(model.lora().is_none() && model.bits().is_none());
    let shown = format!("{model:?}");
    assert!(
        shown.contains("tiny-llama3") && shown.len() < 400,
        "{shown}"
    );
}

#[test]
fn a_gguf_file_is_a_model_with_its_tokenizer_and_template() {
    let Some(file) = idiolect_testkit::smollm2_gguf() else {
        return;
    };
    let model = LanguageModel::open(&file.display().to_string()).unwrap();
    assert_eq!(model.name(), file.file_name().unwrap().to_str().unwrap());
    assert_eq!(model.template().name(), "chat");
    let settings = GenerationSettings {
        max_new_tokens: 8,
        ..GenerationSettings::default()
    };
    let prompt = ModelPrompt::user("Say the word red, and nothing else.");
    let mut text = String::new();
    let done = model.stream(prompt, &settings, GenerateRun::default(), &mut |more| {
        text += more;
        ControlFlow::Continue(())
    });
    assert_eq!(done.unwrap().unwrap().text, text);
    assert!(text.to_lowercase().contains("red"), "{text}");
    assert_eq!(model.model_hash().unwrap().len(), 64);
}

/// A GGUF file as it is stored, and widened.
fn stored_and_wide() -> Option<[LanguageModel; 2]> {
    let file = idiolect_testkit::smollm2_gguf()?;
    let stored = ModelSettings::of(&file.display().to_string());
    let wide = ModelSettings {
        dtype: Some(Dtype::F32),
        ..stored.clone()
    };
    Some([stored, wide].map(|settings| LanguageModel::from_settings(&settings).unwrap()))
}

#[test]
fn matrices_of_a_gguf_file_stay_as_they_are_stored_unless_a_type_is_asked_for() {
    let Some([mut stored, mut wide]) = stored_and_wide() else {
        return;
    };
    let kinds = [("Q4_1".into(), 210), ("Q8_0".into(), 1)];
    assert_eq!(stored.load_report().kept, kinds.into());
    assert!(wide.load_report().kept.is_empty());
    assert_eq!([stored.files_dtype(), wide.files_dtype()], [Dtype::F16; 2]);
    // The weights that the summary counts are those in memory.
    let bytes = |model: &LanguageModel| model.summary().memory.weights_bytes;
    assert_eq!(bytes(&wide), 4 * wide.decoder().num_params());
    assert!(5 * bytes(&stored) < bytes(&wide));
    assert_eq!(stored.summary().loaded.kept["Q4_1"], 210);
    let off = (loss(&stored) - loss(&wide)).abs();
    assert!(off < 1e-3, "{off}");
    // What takes the weights to train them gets them in f32.
    let [stored, wide] = [stored.take_weights(), wide.take_weights()];
    for (stored, wide) in stored.blocks.iter().zip(&wide.blocks) {
        for (stored, wide) in stored.projections.iter().zip(&wide.projections) {
            assert_eq!(stored.val().into_data(), wide.val().into_data());
        }
    }
    let words = [&stored, &wide].map(|weights| weights.embedding.val().into_data());
    assert_eq!(words[0], words[1]);
}

#[test]
fn embedding_and_head_in_blocks_are_trained_and_grow_as_the_widened() {
    let Some(both) = stored_and_wide() else {
        return;
    };
    let config = LoraConfig {
        modules_to_save: vec!["embed_tokens".into(), "lm_head".into()],
        ..LoraConfig::default()
    };
    let words = both.each_ref().map(|model| {
        let device = model.device().autodiff();
        let adapter = LoraAdapter::new(&config, model.decoder(), 0, &device).unwrap();
        let whole = adapter.whole;
        let values = |weight: Option<Param<Tensor<2>>>| weight.unwrap().val().into_data();
        [values(whole.embedding), values(whole.head)]
    });
    assert_eq!(words[0], words[1]);
    let vocab = both[0].decoder().config.vocab_size;
    let added = u32::try_from(vocab).unwrap();
    let grown = both.map(|model| {
        let grown = model.decoder().clone().with_tokens(&[added]);
        let embedding = grown.weights.embedding.val();
        assert_eq!(embedding.dims()[0], vocab + 1);
        embedding.into_data()
    });
    assert_eq!(grown[0], grown[1]);
}

#[test]
fn cpu_flex_and_the_default_are_one_model() {
    let Some(settings) = settings() else { return };
    let losses = ["cpu", "flex"].map(|device| {
        let device = device.into();
        let settings = ModelSettings {
            device,
            ..settings.clone()
        };
        loss(&LanguageModel::from_settings(&settings).unwrap()).to_bits()
    });
    assert_eq!(losses, [loss(&tiny().unwrap()).to_bits(); 2]);
}

#[test]
fn two_models_answer_in_one_process() {
    let (Some(first), Some(second)) = (tiny(), model("tiny-mistral")) else {
        return;
    };
    let alone = [
        first.chat("Say red.").unwrap(),
        second.chat("Say red.").unwrap(),
    ];
    let text = |model: &LanguageModel| model.chat("Say red.").unwrap();
    let together = std::thread::scope(|threads| {
        let other = threads.spawn(|| text(&second));
        [text(&first), other.join().unwrap()]
    });
    assert_eq!(together, alone);
    assert_ne!(alone[0], alone[1]);
}

#[test]
fn quantised_weights_answer_nearly_as_plain_ones() {
    let Some(settings) = settings() else { return };
    let quantised = ModelSettings {
        quantize: Some(8),
        ..settings
    };
    let quantised = LanguageModel::from_settings(&quantised).unwrap();
    assert!(quantised.bits().is_some());
    let (plain, quantised) = (loss(&tiny().unwrap()), loss(&quantised));
    let off = (quantised / plain - 1.0).abs();
    assert!(off > 0.0 && off < 0.02, "{plain} {quantised}");
}

#[test]
fn settings_are_the_file_and_its_defaults() {
    let settings: ModelSettings =
        serde_json::from_value(json!({"model": "a", "dtype": "bf16"})).unwrap();
    let expected = ModelSettings {
        dtype: Some(Dtype::Bf16),
        ..ModelSettings::of("a")
    };
    assert_eq!(settings, expected);
    let text = serde_json::to_string(&ModelSettings::of("a")).unwrap();
    let again: ModelSettings = serde_json::from_str(&text).unwrap();
    assert_eq!(again, ModelSettings::of("a"));
    assert!(serde_json::from_value::<ModelSettings>(json!({"dtype": "f64"})).is_err());
    let schema = serde_json::to_value(schemars::schema_for!(ModelSettings)).unwrap();
    let keys = [
        "model", "device", "dtype", "quantize", "threads", "template",
    ];
    assert!(
        keys.iter()
            .all(|key| schema["properties"].get(*key).is_some()),
        "{schema}"
    );
}

fn refused(settings: &ModelSettings, parts: &[&str]) {
    let error = LanguageModel::from_settings(settings)
        .unwrap_err()
        .to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let Some(settings) = settings() else { return };
    let plain = || settings.clone();
    refused(
        &ModelSettings::default(),
        &["model: expected a model, found nothing"],
    );
    refused(
        &ModelSettings {
            device: "abacus".into(),
            ..plain()
        },
        &["device", "cpu", "abacus"],
    );
    refused(
        &ModelSettings {
            quantize: Some(3),
            ..plain()
        },
        &["quantize: expected 8 or 4, found 3"],
    );
    refused(
        &ModelSettings {
            threads: Some(0),
            ..plain()
        },
        &["threads: expected 1 to 1024"],
    );
    refused(
        &ModelSettings {
            template: Some("none".into()),
            ..plain()
        },
        &["template", "none", "alpaca"],
    );
    let missing = ModelSettings {
        template: Some("no/such.jinja".into()),
        ..plain()
    };
    refused(&missing, &["no/such.jinja"]);
    refused(&ModelSettings::of("no/such/folder"), &["no/such/folder"]);
    assert!(matches!(
        LanguageModel::open("no/such/folder").unwrap_err(),
        LmError::Setting { .. }
    ));
}

#[test]
fn a_summary_says_what_a_model_is() {
    let Some(model) = tiny() else { return };
    let summary = serde_json::to_value(model.summary()).unwrap();
    let keys: Vec<&String> = summary.as_object().unwrap().keys().collect();
    assert_eq!(keys.first().unwrap().as_str(), "model");
    assert_eq!(summary["architecture"], "LlamaForCausalLM");
    assert_eq!(summary["stop_ids"], json!([2, 4]));
    assert_eq!(
        summary["memory"]["weights_bytes"],
        4 * model.decoder().num_params()
    );
    assert!(summary.get("adapter").is_none());
    let shown = model.summary().to_string();
    let line = [
        "loaded.tensors".to_owned(),
        model.load_report().loaded.len().to_string(),
    ];
    let is_there = |found: &str| found.split_whitespace().eq(&line);
    assert!(shown.lines().any(is_there), "{shown}");
}
