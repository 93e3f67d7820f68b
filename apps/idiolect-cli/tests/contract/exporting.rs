//! `export` writes an adapter or a model as a GGUF file, which reads as a model again.

use serde_json::{Value, json};

use crate::common::{Place, done, refused};

/// A call on a model and an adapter for it.
fn with_adapter<'a>(
    command: &'a str,
    [model, adapter]: [&'a str; 2],
    more: &[&'a str],
) -> Vec<&'a str> {
    [&[command, "--model", model, "--adapter", adapter], more].concat()
}

#[test]
fn an_exported_model_scores_as_the_adapter_did() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let adapter = place.adapter("tiny-llama3/all/adapter_final");
    let out = place.path("merged.gguf");
    let call = with_adapter("export", [&model, &adapter], &["--merge", "--out", &out]);
    let said: Value = serde_json::from_str(&done(&call)).expect("JSON");
    assert_eq!(said["content"], "model");
    assert_eq!(said["types"], json!({"f32": 31}));
    assert_eq!(said["run"], format!("llama-cli -m {out}"));
    let rows = place.rows(
        "rows.jsonl",
        &[json!({"prompt": "Say red.", "response": "red it is"})],
    );
    let nll = |more: &[&str]| {
        let call = [&["score", "--data", &rows, "--model"], more].concat();
        let row: Value = serde_json::from_str(&done(&call)).expect("a row");
        row["nll"].as_f64().expect("a number")
    };
    let (ours, theirs) = (nll(&[&out]), nll(&[&model, "--adapter", &adapter]));
    assert!((ours - theirs).abs() < 1e-3, "{ours} {theirs}");
    refused(
        &call,
        &[
            "--out",
            "merged.gguf",
            "expected a file that is not there, or --overwrite",
        ],
    );
    done(&[&call[..], &["--overwrite", "--stored", "q8_0"]].concat());
}

#[test]
fn an_exported_adapter_names_the_command_that_uses_it() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let adapter = place.adapter("tiny-llama3/qv/adapter_final");
    let out = place.path("adapter.gguf");
    let call = with_adapter("export", [&model, &adapter], &["--out", &out]);
    let said: Value = serde_json::from_str(&done(&call)).expect("JSON");
    assert_eq!(
        (&said["content"], &said["tensors"]),
        (&json!("adapter"), &json!(12))
    );
    assert_eq!(said["run"], format!("llama-cli -m BASE.gguf --lora {out}"));
}

#[test]
fn a_residual_start_is_written_beside_the_factors() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let bytes = |init: &str| {
        let folder = place.path(init);
        let from = place.adapter("tiny-llama3/qv/adapter_final");
        std::fs::create_dir_all(&folder).expect("a folder");
        let weights = "adapter_model.safetensors";
        std::fs::copy(format!("{from}/{weights}"), format!("{folder}/{weights}")).expect("copied");
        let config = std::fs::read(format!("{from}/adapter_config.json")).expect("a file");
        let mut config: Value = serde_json::from_slice(&config).expect("JSON");
        config["init_lora_weights"] = init.into();
        place.write(&format!("{init}/adapter_config.json"), &config.to_string());
        let out = place.path(&format!("{init}.gguf"));
        let call = with_adapter("export", [&model, &folder], &["--out", &out]);
        done(&call);
        std::fs::metadata(out).expect("the file").len()
    };
    let plain = bytes("gaussian");
    for init in ["pissa", "olora"] {
        let both = bytes(init);
        assert!(both * 10 > plain * 17, "{init}: {both} of {plain} bytes");
    }
}

#[test]
fn what_no_gguf_file_holds_is_refused_with_the_way_round() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let adapter = place.adapter("tiny-llama3/qv_dora/adapter_final");
    let out = place.path("adapter.gguf");
    let call = with_adapter("export", [&model, &adapter], &["--out", &out]);
    refused(&call, &["use_dora", "export --merge"]);
    done(&[&call[..], &["--merge"]].concat());
    let plain = place.adapter("tiny-llama3/qv/adapter_final");
    let of_plain = ["export", "--model", &model, "--adapter", &plain, "--out"];
    let q4 = place.path("q4.gguf");
    refused(
        &[&of_plain[..], &[&q4, "--stored", "q4_0"]].concat(),
        &["stored", "f32, f16, bf16 or q8_0 for an adapter", "q4_0"],
    );
    refused(
        &[&of_plain[..], &[&q4, "--stored", "q5"]].concat(),
        &["--stored", "q4_0", "q5"],
    );
    let folder = place.path("folder");
    refused(
        &[&of_plain[..], &[&folder]].concat(),
        &["--out", "ends in .gguf"],
    );
}

#[test]
fn what_is_merged_keeps_the_type_of_the_files() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3-sharded-bf16");
    let adapter = place.adapter("tiny-llama3/qv/adapter_final");
    let stored = |name: &str, more: &[&str]| {
        let out = place.path(name);
        let call = with_adapter("merge", [&model, &adapter], &["--out", &out]);
        done(&[&call[..], more].concat());
        let config = std::fs::read(format!("{out}/config.json")).expect("a file");
        let config: Value = serde_json::from_slice(&config).expect("JSON");
        config["torch_dtype"].clone()
    };
    assert_eq!(stored("own", &[]), "bfloat16");
    assert_eq!(stored("asked", &["--dtype", "f32"]), "float32");
    assert_eq!(
        stored("named", &["--dtype", "f32", "--stored", "f16"]),
        "float16"
    );
}
