//! What configurations mean, held against transformers.

use burn::tensor::{Device, Tensor};
use idiolect_model::{ModelConfig, Position, Rope};
use serde_json::{Value, json};

use crate::{read, sizes};

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
fn configurations_mean_what_they_mean_to_transformers() {
    let golden: Vec<Value> = serde_json::from_str(include_str!("../golden/configs.json")).unwrap();
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
        let number = |setting: &str| want[setting].as_f64().unwrap();
        near(name, config.norm_eps, number("rms_norm_eps"));
        near(name, config.rope_theta, number("rope_theta"));
        check_rope(name, &config, want);
        check_switches(name, &config, want);
    }
}

/// Frequencies, the factor of cosines and sines, and both beyond a border.
fn check_rope(name: &str, config: &ModelConfig, want: &Value) {
    let rope = Rope::new(config);
    frequencies(name, rope.frequencies(), &want["inv_freq"]);
    let factor = want["attention_factor"].as_f64().unwrap();
    let half = rope.frequencies().len();
    let length = |found: &[f32]| f64::from(found[0]).hypot(f64::from(found[half]));
    near(name, length(&rotated(&rope, 1)), factor);
    if let Some(border) = want["beyond"]["length"].as_u64() {
        let border = usize::try_from(border).unwrap();
        let switches = config.rope_scaling.switches_beyond();
        assert_eq!(switches, Some(border), "{name}");
        assert_eq!(rotated(&rope, border), rotated(&rope, 1), "{name}");
        let found = rotated(&rope, border + 1);
        let angles: Vec<f32> = (0..half).map(|i| found[half + i].atan2(found[i])).collect();
        frequencies(name, &angles, &want["beyond"]["inv_freq"]);
    }
}

/// Blocks that rotate, and the scale of queries.
fn check_switches(name: &str, config: &ModelConfig, want: &Value) {
    let rotates: Vec<bool> = serde_json::from_value(want["rotated"].clone()).unwrap();
    let found = (0..rotates.len()).map(|at| config.switches.rotates(at));
    assert_eq!(found.collect::<Vec<_>>(), rotates, "{name}");
    let scale = config.switches.query_scale;
    let beta = scale.map(|scale| scale.beta);
    assert_eq!(beta, want["beta"].as_f64(), "{name}");
    if let Some(scale) = scale {
        let expected = want["beta_positions"].as_f64().unwrap();
        near(name, scale.original_positions, expected);
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
