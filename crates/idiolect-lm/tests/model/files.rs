//! What a model writes and how far it moved: merged, shifted, its weights taken out and put back.

use burn::module::Module;
use idiolect_lm::{
    Dtype, LanguageModel, LmError, MergeOptions, ModelPrompt, WeightedAdapter, device,
};

use idiolect_lora::save_adapter;
use idiolect_model::weight_files;
use idiolect_testkit::Nudge;

use crate::tiny::{loss, peft, tiny, user};

#[test]
fn a_merged_model_answers_as_the_adapter_did() {
    let Some(model) = tiny() else { return };
    let tuned = model.load_adapter(&peft("all")).unwrap();
    let (expected, text) = (loss(&tuned), tuned.chat("Say red.").unwrap());
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("merged");
    let summary = tuned.merge(&out, MergeOptions::default()).unwrap();
    assert!(summary.max_logit_difference < 1e-3 && summary.logits_compared > 0);
    assert!(
        summary.files.contains(&"tokenizer.json".into()),
        "{:?}",
        summary.files
    );
    let shown = serde_json::to_value(&summary).unwrap();
    let keys: Vec<&String> = shown.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "out",
            "files",
            "stored",
            "max_logit_difference",
            "logits_compared"
        ]
    );
    let merged = LanguageModel::open(&out.display().to_string()).unwrap();
    assert!((loss(&merged) - expected).abs() < 1e-3);
    assert_eq!(merged.chat("Say red.").unwrap(), text);
    assert_ne!(merged.model_hash().unwrap(), model.model_hash().unwrap());
    let half = MergeOptions {
        stored: Some(Dtype::Bf16),
        ..MergeOptions::default()
    };
    let parts = [WeightedAdapter {
        weight: 0.5,
        ..WeightedAdapter::whole(&peft("qv"))
    }];
    let stack = model.load_adapters(&parts).unwrap();
    let expected = loss(&stack);
    let out = place.path().join("half");
    let rounded = stack.merge(&out, half).unwrap();
    assert!(rounded.max_logit_difference > 1e-3, "{rounded}");
    assert!(rounded.to_string().contains("bf16 rounds the weights"));
    let merged = LanguageModel::open(&out.display().to_string()).unwrap();
    assert!((loss(&merged) / expected - 1.0).abs() < 1e-2);
    let error = model.merge(&out, half).unwrap_err().to_string();
    assert_eq!(
        error,
        "adapter: expected an adapter to merge, found none on the model"
    );
}

#[test]
fn the_distance_of_adapters_and_models() {
    let Some(model) = tiny() else { return };
    let whole = |name: &str| WeightedAdapter::whole(&peft(name));
    let one = model.shift_of(&[whole("qv")]).unwrap();
    let summary = one.summary();
    assert_eq!(summary.rows, one.rows().len());
    let tuned = model.load_adapter(&peft("qv")).unwrap().summary();
    assert!((tuned.adapter.unwrap().shift / summary.shift - 1.0).abs() < 1e-12);
    let row = serde_json::to_value(&one.rows()[0]).unwrap();
    let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "shift", "relative_shift"]);
    let back = WeightedAdapter {
        weight: -1.0,
        ..whole("qv")
    };
    let none = model.shift_of(&[whole("qv"), back]).unwrap().summary();
    assert!(none.shift < 1e-4 * summary.shift, "{none:?}");
    let half = WeightedAdapter {
        weight: 0.5,
        ..whole("qv")
    };
    let half = model.shift_of(&[half]).unwrap().summary();
    assert!((half.shift * 2.0 / summary.shift - 1.0).abs() < 1e-6);
    let dora = model.shift_of(&[whole("all_dora")]).unwrap();
    assert!(dora.summary().shift > 0.0);
    let same = model.shift_to(&model.clone()).unwrap().summary();
    assert!(same.shift.abs() < f64::EPSILON);
    let other = crate::tiny::model("tiny-llama-tied").unwrap();
    assert!(matches!(
        model.shift_to(&other).unwrap_err(),
        LmError::Lora(_)
    ));
}

#[test]
fn weights_are_taken_out_and_put_back() {
    let Some(mut model) = tiny() else { return };
    let (before, hash) = (loss(&model), model.model_hash().unwrap());
    let weights = model.take_weights();
    assert!(model.decoder().weights.blocks.is_empty());
    assert_eq!(model.device(), device::named("cpu").unwrap());
    let same = model.with_weights(weights.clone());
    assert_eq!(loss(&same).to_bits(), before.to_bits());
    let moved = model.with_weights(weights.map(&mut Nudge(0.0)));
    assert!((loss(&moved) - before).abs() > 1e-3);
    assert_ne!(moved.model_hash().unwrap(), hash);
    assert_ne!(moved.model_hash().unwrap(), same.model_hash().unwrap());
}

#[test]
fn a_model_on_its_own_device_is_not_held_twice() {
    let Some(model) = tiny() else { return };
    let tuned = model.load_adapter(&peft("qv")).unwrap();
    let other = tuned.on_device("cpu").unwrap();
    assert_eq!(loss(&other).to_bits(), loss(&model).to_bits());
    let error = model.on_device("abacus").unwrap_err().to_string();
    assert!(error.starts_with("device: "), "{error}");
}

/// A template that no checkpoint of the tests has.
const OWN: &str = "{{ bos_token }}{% for message in messages %}[{{ message.role }}] \
                   {{ message.content }}{{ eos_token }}{% endfor %}\
                   {% if add_generation_prompt %}[assistant] {% endif %}";

/// A question as a model is asked it.
fn prompt(model: &LanguageModel) -> String {
    let ids = model.prompt_ids(&ModelPrompt::Messages(user("Say red.")));
    model.tokenizer().decode(&ids.unwrap(), false).unwrap()
}

#[test]
fn an_adapters_own_chat_template_comes_with_it() {
    let Some(model) = tiny() else { return };
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("adapter");
    std::fs::create_dir(&folder).unwrap();
    for file in std::fs::read_dir(peft("qv")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    let plain = model.load_adapter(&folder).unwrap();
    assert_eq!(prompt(&plain), prompt(&model));
    std::fs::write(folder.join("chat_template.jinja"), OWN).unwrap();
    let own = model.load_adapter(&folder).unwrap();
    let found = prompt(&own);
    assert!(found.contains("[user] Say red."), "{found}");
    let chosen = model.with_template("chat").unwrap();
    let chosen = chosen.load_adapter(&folder).unwrap();
    assert_eq!(prompt(&chosen), prompt(&model));
    let out = place.path().join("merged");
    own.merge(&out, MergeOptions::default()).unwrap();
    let merged = std::fs::read_to_string(out.join("chat_template.jinja")).unwrap();
    assert_eq!(merged, OWN);
}

#[test]
fn a_template_without_a_jinja_file_comes_with_adapter_and_merged_model() {
    let Some(model) = tiny() else { return };
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("own.toml");
    let user = "[{ text = \"Q: {{content}} A: \" }]";
    std::fs::write(&file, format!("name = \"own\"\nuser = {user}\n")).unwrap();
    let own = file.display().to_string();
    for (name, template) in [("alpaca", "alpaca"), ("own", own.as_str())] {
        let chosen = model.with_template(template).unwrap();
        let tuned = chosen.load_adapter(&peft("qv")).unwrap();
        let folder = place.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        save_adapter(tuned.lora().unwrap(), &folder, "tiny").unwrap();
        tuned.save_text_files(&folder).unwrap();
        let out = place.path().join(format!("{name}-merged"));
        // As a stranger would: without a word of the template.
        let found = model.load_adapter(&folder).unwrap();
        assert_eq!(
            found.text_fingerprint().unwrap(),
            chosen.text_fingerprint().unwrap()
        );
        found.merge(&out, MergeOptions::default()).unwrap();
        let merged = LanguageModel::open(&out.display().to_string()).unwrap();
        assert_eq!(prompt(&merged), prompt(&chosen));
    }
    let found = model.load_adapter(&place.path().join("own")).unwrap();
    assert_eq!(found.summary().template, "own (the adapter's)");
    std::fs::write(place.path().join("own/template.json"), "{}").unwrap();
    let error = model.load_adapter(&place.path().join("own")).unwrap_err();
    assert!(error.to_string().contains("template.json"), "{error}");
}

#[test]
fn a_model_is_overwritten_only_where_it_is_asked_for_and_then_whole() {
    let Some(model) = tiny() else { return };
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("merged");
    let shards = MergeOptions {
        max_shard_megabytes: 0,
        ..MergeOptions::default()
    };
    let tuned = model.load_adapter(&peft("all")).unwrap();
    tuned.merge(&out, shards).unwrap();
    let first = weight_files(&out).unwrap();
    assert!(first.len() > 2, "{first:?}");
    let other = || model.load_adapter(&peft("qv")).unwrap();
    let error = other().merge(&out, MergeOptions::default()).unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("out: expected a folder without a model"),
        "{error}"
    );
    assert_eq!(weight_files(&out).unwrap(), first);
    let whole = MergeOptions {
        overwrite: true,
        ..MergeOptions::default()
    };
    let expected = loss(&other());
    other().merge(&out, whole).unwrap();
    assert_eq!(weight_files(&out).unwrap(), ["model.safetensors"]);
    let merged = LanguageModel::open(&out.display().to_string()).unwrap();
    assert!((loss(&merged) - expected).abs() < 1e-3);
}

#[cfg(unix)]
#[test]
fn weights_are_written_as_readable_as_any_other_file() {
    use std::os::unix::fs::PermissionsExt;
    let Some(model) = tiny() else { return };
    let place = tempfile::tempdir().unwrap();
    let tuned = model.load_adapter(&peft("qv")).unwrap();
    tuned.merge(place.path(), MergeOptions::default()).unwrap();
    let mode = |name: &str| {
        let file = std::fs::metadata(place.path().join(name)).unwrap();
        file.permissions().mode() & 0o777
    };
    assert_eq!(mode("model.safetensors"), mode("config.json"));
}
