//! Configurations as transformers reads them: what is absent, what has several homes, old forms, and what is refused.
//!
//! `tests/golden/configs.py` made the values.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use std::path::Path;

use burn::tensor::{Device, Tensor};
use idiolect_model::{ModelConfig, Position, Rope};
use serde_json::{Value, json};

fn read(json: &Value) -> Result<ModelConfig, String> {
    let config = ModelConfig::from_json(json, Path::new("config.json"));
    config.map_err(|error| error.to_string())
}

fn near(what: &str, found: f64, expected: f64) {
    let off = (found - expected).abs() / expected.abs();
    assert!(
        off <= 1e-6,
        "{what}: {found}, expected {expected}: off by {off:e}"
    );
}

fn frequencies(what: &str, found: &[f32], expected: &Value) {
    let expected: Vec<f64> = serde_json::from_value(expected.clone()).unwrap();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        near(what, f64::from(*found), expected);
    }
}

/// Keys at position 1 of a sequence of some tokens, before rotation 1 and 0 in each pair: their length is the factor
/// of cosines and sines, and their angle the frequency.
fn rotated(rope: &Rope, of: usize) -> Vec<f32> {
    let half = rope.frequencies().len();
    let angles = rope.angles(&[Position { at: 1, of }], 1, &Device::flex());
    let pairs = Tensor::<1>::cat(
        vec![
            Tensor::ones([half], &Device::flex()),
            Tensor::zeros([half], &Device::flex()),
        ],
        0,
    );
    let x = pairs.reshape([1, 1, 1, 2 * half]);
    angles.rotate(x).into_data().iter::<f32>().collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn configurations_mean_what_they_mean_to_transformers() {
    let golden: Vec<Value> = serde_json::from_str(include_str!("golden/configs.json")).unwrap();
    assert!(golden.len() > 100, "{}", golden.len());
    for entry in &golden {
        let (name, want) = (entry["name"].as_str().unwrap(), &entry["resolved"]);
        let config = read(&entry["config"]).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = json!({
            "num_key_value_heads": config.num_kv_heads, "head_dim": config.head_dim,
            "max_position_embeddings": config.max_positions, "sliding_window": config.sliding_window,
            "tie_word_embeddings": config.tied, "bos_token_id": config.bos,
            "eos_token_id": config.eos, "pad_token_id": config.pad,
        });
        for (setting, found) in found.as_object().unwrap() {
            assert_eq!(*found, want[setting], "{name}: {setting}");
        }
        near(
            name,
            config.norm_eps,
            want["rms_norm_eps"].as_f64().unwrap(),
        );
        near(
            name,
            config.rope_theta,
            want["rope_theta"].as_f64().unwrap(),
        );
        let rope = Rope::new(&config);
        frequencies(name, rope.frequencies(), &want["inv_freq"]);
        let factor = want["attention_factor"].as_f64().unwrap();
        let half = rope.frequencies().len();
        let length = |found: &[f32]| f64::from(found[0]).hypot(f64::from(found[half]));
        near(name, length(&rotated(&rope, 1)), factor);
        if let Some(border) = want["beyond"]["length"].as_u64() {
            let border = usize::try_from(border).unwrap();
            assert_eq!(
                config.rope_scaling.switches_beyond(),
                Some(border),
                "{name}"
            );
            assert_eq!(rotated(&rope, border), rotated(&rope, 1), "{name}");
            let found = rotated(&rope, border + 1);
            let angles: Vec<f32> = (0..half).map(|i| found[half + i].atan2(found[i])).collect();
            frequencies(name, &angles, &want["beyond"]["inv_freq"]);
        }
        let rotates: Vec<bool> = serde_json::from_value(want["rotated"].clone()).unwrap();
        let found: Vec<bool> = (0..rotates.len())
            .map(|at| config.switches.rotates(at))
            .collect();
        assert_eq!(found, rotates, "{name}");
        let scale = config.switches.query_scale;
        assert_eq!(
            scale.map(|scale| scale.beta),
            want["beta"].as_f64(),
            "{name}"
        );
        if let Some(scale) = scale {
            near(
                name,
                scale.original_positions,
                want["beta_positions"].as_f64().unwrap(),
            );
        }
    }
}

fn sizes(kind: &str, more: &Value) -> Value {
    let mut json = json!({
        "model_type": kind, "vocab_size": 64, "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    });
    json.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn what_the_decoder_does_not_know_is_refused_by_name() {
    let slide = json!(["full_attention", "sliding_attention"]);
    let cases = [
        (
            "llama",
            json!({"architectures": ["MistralForCausalLM"]}),
            "model_type: expected mistral, as architectures says MistralForCausalLM, found llama",
        ),
        (
            "llama",
            json!({"architectures": ["GPT2LMHeadModel"]}),
            "architectures: expected LlamaForCausalLM, as model_type says llama, found GPT2LMHeadModel",
        ),
        (
            "mistral4",
            json!({"architectures": ["Mistral4ForCausalLM"]}),
            "found Mistral4ForCausalLM",
        ),
        (
            "mistral4",
            json!({}),
            "model_type: expected one of LlamaForCausalLM, MistralForCausalLM",
        ),
        (
            "mistral",
            json!({"quantization_config": {"quant_method": "fp8", "activation_scheme": "static"}}),
            "quantization_config: expected plain weights",
        ),
        (
            "mistral",
            json!({"quantization_config": {"quant_method": "fp8"}}),
            "found quant_method fp8",
        ),
        (
            "llama",
            json!({"hidden_act": "gelu"}),
            "hidden_act: expected silu, found gelu",
        ),
        (
            "llama",
            json!({"partial_rotary_factor": 0.5}),
            "partial_rotary_factor: expected 1",
        ),
        (
            "llama",
            json!({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}}),
            "partial_rotary_factor: expected 1",
        ),
        (
            "llama",
            json!({"rope_parameters": {"full_attention": {"rope_type": "default"}}}),
            "rope_parameters: expected one map for all layers, found one for full_attention",
        ),
        (
            "llama",
            json!({"rope_scaling": {"rope_type": "mrope", "factor": 2.0}}),
            "rope_type: expected default, linear, dynamic, yarn, longrope or llama3, found mrope",
        ),
        (
            "llama",
            json!({"rope_scaling": {"rope_type": "yarn"}}),
            "factor: expected a positive number, found nothing",
        ),
        (
            "llama",
            json!({"rope_scaling": {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [1.0, 1.0, 1.0, 1.0]}}),
            "short_factor: expected one for each of 4 frequencies, found 1",
        ),
        (
            "qwen2",
            json!({"use_sliding_window": true, "sliding_window": 8, "layer_types": slide}),
            "sliding_window: expected one kind of attention in all layers, found a window in 1 of 2 layers",
        ),
        (
            "qwen2",
            json!({"use_sliding_window": true, "sliding_window": 8, "max_window_layers": 1}),
            "a window in 1 of 2 layers",
        ),
        (
            "qwen3",
            json!({"layer_types": slide}),
            "layer_types: expected full_attention, as use_sliding_window is off",
        ),
        (
            "smollm3",
            json!({"bos_token_id": 1, "eos_token_id": 2, "no_rope_layers": [1]}),
            "no_rope_layers: expected 0 or 1 for each of 2 layers, found [1]",
        ),
        (
            "smollm3",
            json!({}),
            "bos_token_id: expected an id below vocab_size = 64, found 128000",
        ),
        (
            "granite",
            json!({"logits_scaling": 0}),
            "logits_scaling: expected a positive number, found 0",
        ),
        (
            "mistral",
            json!({"sliding_window": 0}),
            "sliding_window: expected a positive whole number, found 0",
        ),
    ];
    for (kind, more, part) in cases {
        let error = read(&sizes(kind, &more)).unwrap_err();
        assert!(
            error.contains(part) && error.starts_with("config.json: "),
            "{part:?} is not in: {error}"
        );
    }
}

#[test]
fn settings_of_the_text_part_of_a_wrapper_are_named_as_such() {
    let wrapped = |text: &Value| {
        json!({"architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral3",
        "text_config": text, "vision_config": {"model_type": "pixtral"}})
    };
    let config = read(&wrapped(&sizes("mistral", &json!({})))).unwrap();
    assert_eq!(config.class(), "Mistral3ForConditionalGeneration");
    assert_eq!(config.architecture.class(), "MistralForCausalLM");
    // The text part's own absent window, and the wrapper's own absent flag.
    assert_eq!((config.sliding_window, config.tied), (Some(4096), true));
    let cases = [
        (
            sizes("mistral4", &json!({})),
            "text_config.model_type: expected one of",
        ),
        (
            sizes("mistral", &json!({"hidden_size": 0})),
            "text_config.hidden_size: expected a positive whole number, found 0",
        ),
        (json!(7), "text_config: expected an object, found 7"),
        (
            Value::Null,
            "text_config: expected the settings of the text part, found nothing",
        ),
    ];
    for (text, part) in cases {
        let error = read(&wrapped(&text)).unwrap_err();
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
    let mut quantized = wrapped(&sizes("ministral3", &json!({})));
    quantized["quantization_config"] = json!({"quant_method": "fp8"});
    assert!(
        read(&quantized)
            .unwrap_err()
            .contains("found quant_method fp8")
    );
}

#[test]
fn old_forms_are_read() {
    let plain = read(&sizes("llama", &json!({}))).unwrap();
    let old = [
        json!({"hidden_act": "swish"}),
        json!({"pad_token_id": -1}),
        json!({"pad_token_id": 64}),
        json!({"architectures": ["LlamaModel"]}),
        json!({"architectures": ["LLaMAForCausalLM"]}),
        json!({"sliding_window": 8, "use_sliding_window": false}),
    ];
    for more in old {
        assert_eq!(read(&sizes("llama", &more)).unwrap(), plain, "{more}");
    }
}
