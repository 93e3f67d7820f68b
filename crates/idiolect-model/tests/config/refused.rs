//! Settings that the decoder does not know, each refused by name.

use serde_json::{Value, json};

use crate::{read, sizes};

/// Each setting is refused with a text that has this part.
fn refused(cases: &[(&str, Value, &str)]) {
    for (kind, more, part) in cases {
        let error = read(&sizes(kind, more)).unwrap_err();
        assert!(
            error.contains(part) && error.starts_with("config.json: "),
            "{part:?} is not in: {error}"
        );
    }
}

#[test]
fn classes_and_weights_that_the_decoder_does_not_know_are_refused_by_name() {
    refused(&[
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
    ]);
}

#[test]
fn positions_that_the_decoder_does_not_know_are_refused_by_name() {
    refused(&[
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
    ]);
}

#[test]
fn windows_and_numbers_of_other_kinds_are_refused_by_name() {
    let slide = json!(["full_attention", "sliding_attention"]);
    refused(&[
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
    ]);
}
