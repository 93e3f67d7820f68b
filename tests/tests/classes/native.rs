//! Folders in Mistral's own form, made here of tiny checkpoints: `params.json` and `consolidated.safetensors`.

use std::fs;
use std::path::Path;

use idiolect::model::{NoAdapter, load, read_config};
use idiolect_testkit::device;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Value, json};

use crate::case::{Case, each, json as read_json, logits_of};

/// A tensor's name in that form.
fn native_name(name: &str) -> String {
    let parts = [
        ("model.embed_tokens", "tok_embeddings"),
        ("model.norm", "norm"),
        ("lm_head", "output"),
        ("model.layers", "layers"),
        ("input_layernorm", "attention_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("self_attn.q_proj", "attention.wq"),
        ("self_attn.k_proj", "attention.wk"),
        ("self_attn.v_proj", "attention.wv"),
        ("self_attn.o_proj", "attention.wo"),
        ("mlp.gate_proj", "feed_forward.w1"),
        ("mlp.down_proj", "feed_forward.w2"),
        ("mlp.up_proj", "feed_forward.w3"),
    ];
    parts.iter().fold(name.to_owned(), |name, (theirs, ours)| {
        name.replace(theirs, ours)
    })
}

/// The rows of each head with the two halves turned into neighbours, as in the weights that were published.
fn neighbours(bytes: &[u8], row: usize, head_dim: usize) -> Vec<u8> {
    let half = head_dim / 2;
    let order = (0..head_dim).map(|to| to % 2 * half + to / 2);
    let order: Vec<usize> = order.collect();
    let heads = bytes.chunks(row * head_dim);
    heads
        .flat_map(|head| {
            order
                .iter()
                .flat_map(|from| head[from * row..][..row].to_vec())
        })
        .collect()
}

fn write_native(case: &Case, to: &Path, params: &Value) {
    let config = &case.decoder.config;
    let bytes = fs::read(case.folder.join("model.safetensors")).unwrap();
    let all = SafeTensors::deserialize(&bytes)
        .unwrap()
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let row = 4 * view.shape().iter().skip(1).product::<usize>();
            let turned = name.contains("q_proj") || name.contains("k_proj");
            let data = if turned {
                neighbours(view.data(), row, config.head_dim)
            } else {
                view.data().to_vec()
            };
            (native_name(&name), view.shape().to_vec(), data)
        });
    let mut all: Vec<_> = all.collect();
    all.push(("vision_encoder.ln_pre.weight".into(), vec![2], vec![0; 8]));
    let views = all.iter().map(|(name, shape, data)| {
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), data).unwrap(),
        )
    });
    fs::write(
        to.join("consolidated.safetensors"),
        safetensors::serialize(views, None).unwrap(),
    )
    .unwrap();
    fs::write(to.join("params.json"), params.to_string()).unwrap();
}

/// The settings of a case in that form.
fn params(case: &Case) -> Value {
    let config = read_json(&case.folder.join("config.json"));
    let rope = &config["rope_parameters"];
    let mut json = json!({
        "dim": config["hidden_size"], "n_layers": config["num_hidden_layers"], "head_dim": config["head_dim"],
        "hidden_dim": config["intermediate_size"], "n_heads": config["num_attention_heads"],
        "n_kv_heads": config["num_key_value_heads"], "norm_eps": config["rms_norm_eps"],
        "vocab_size": config["vocab_size"], "rope_theta": rope["rope_theta"],
        "max_position_embeddings": config["max_position_embeddings"], "tied_embeddings": false,
    });
    if config["model_type"] == "ministral3" {
        json["yarn"] = json!({"factor": rope["factor"], "beta": rope["beta_fast"], "alpha": rope["beta_slow"],
            "original_max_position_embeddings": rope["original_max_position_embeddings"], "apply_scale": false});
        json["llama_4_scaling"] = json!({"beta": rope["llama_4_scaling_beta"],
            "original_max_position_embeddings": rope["original_max_position_embeddings"]});
    }
    json
}

#[test]
fn folders_in_mistrals_own_form_compute_the_same() {
    each(|case| {
        if !["ministral3", "mistral-yarn-mscale"].contains(&case.name.as_str()) {
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let mut settings = params(case);
        if case.name == "mistral-yarn-mscale" {
            // The class has no yarn in this form but that of Ministral 3, without its query scale.
            let rope = &read_json(&case.folder.join("config.json"))["rope_parameters"];
            settings["yarn"] = json!({"factor": rope["factor"], "beta": 32, "alpha": 1, "apply_scale": true,
                "original_max_position_embeddings": rope["original_max_position_embeddings"]});
        }
        write_native(case, place.path(), &settings);
        let (decoder, report) =
            load(place.path(), &device().unwrap(), case.decoder.dtype()).unwrap();
        assert_eq!(report.unused, ["vision_encoder.ln_pre.weight"]);
        let [found, expected] =
            [&decoder, &case.decoder].map(|one| logits_of(one, &NoAdapter, case.padded("right")));
        assert_eq!(found, expected, "{}", case.name);
        // A folder in both forms is read as Hugging Face's.
        fs::write(place.path().join("config.json"), "{}").unwrap();
        fs::write(place.path().join("model.safetensors"), "").unwrap();
        assert!(
            read_config(place.path())
                .unwrap_err()
                .to_string()
                .contains("config.json")
        );
    });
}

#[test]
fn what_a_plain_decoder_does_not_have_is_refused_by_name() {
    each(|case| {
        if case.name != "ministral3" {
            return;
        }
        let strange = [
            (
                "quantization",
                json!({"qformat_weight": "fp8_e4m3"}),
                "quantization: expected nothing: a plain decoder",
            ),
            ("moe", json!({"num_experts": 8}), "moe: expected nothing"),
            ("q_lora_rank", json!(1024), "q_lora_rank: expected nothing"),
            (
                "yarn",
                json!({"factor": 2.0, "beta": 32, "alpha": 1, "original_max_position_embeddings": 16, "apply_scale": 1}),
                "yarn.apply_scale: expected true or false, found 1",
            ),
            (
                "llama_4_scaling",
                json!({"beta": 0.1, "original_max_position_embeddings": 8192}),
                "llama_4_scaling.original_max_position_embeddings: expected that of yarn, 16, found 8192",
            ),
            (
                "hidden_dim",
                Value::Null,
                "hidden_dim: expected a positive whole number, found nothing",
            ),
        ];
        for (name, value, part) in strange {
            let place = tempfile::tempdir().unwrap();
            let mut settings = params(case);
            settings[name] = value;
            write_native(case, place.path(), &settings);
            let error = read_config(place.path()).unwrap_err().to_string();
            assert!(
                error.contains(part) && error.contains("params.json"),
                "{part:?} is not in: {error}"
            );
        }
    });
}
