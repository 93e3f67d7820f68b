//! Models of one block whose weights are a formula of their place, in the forms that folders of models have.

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use super::Good;

pub(super) const HIDDEN: usize = 16;
pub(super) const INTER: usize = 24;
pub(super) const HEAD: usize = 8;
pub(super) const VOCABULARY: usize = 258;

const CHAT: &str = "{{ bos_token }}{% for message in messages %}[{{ message.role }}] \
                    {{ message.content }}{{ eos_token }}{% endfor %}\
                    {% if add_generation_prompt %}[assistant] {% endif %}";

impl Good {
    /// A Llama of one block whose weights are a formula of their place.
    pub(super) fn model(&self, folder: &str, shards: Option<usize>) {
        let config = json!({
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
            "hidden_size": HIDDEN, "intermediate_size": INTER, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": HEAD,
            "vocab_size": VOCABULARY, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "tie_word_embeddings": true, "bos_token_id": 256, "eos_token_id": 257,
            "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 64},
        });
        self.json(&format!("{folder}/config.json"), &config);
        let ends = json!({"bos_token_id": 256, "eos_token_id": [257]});
        self.json(&format!("{folder}/generation_config.json"), &ends);
        let special = json!({"bos_token": "<s>", "eos_token": "</s>", "model_max_length": 128});
        self.json(&format!("{folder}/tokenizer_config.json"), &special);
        self.json(&format!("{folder}/tokenizer.json"), &tokenizer());
        let special = json!({"bos_token": {"content": "<s>"}, "eos_token": "</s>"});
        self.json(&format!("{folder}/special_tokens_map.json"), &special);
        self.write(&format!("{folder}/chat_template.jinja"), CHAT);
        let more = format!("{folder}/additional_chat_templates/tool_use.jinja");
        self.write(&more, CHAT);
        match shards {
            None => self.weights(&format!("{folder}/model.safetensors"), &shapes()),
            Some(count) => self.sharded(folder, count),
        }
    }

    fn sharded(&self, folder: &str, count: usize) {
        let shapes = shapes();
        let mut map = serde_json::Map::new();
        for (at, part) in shapes.chunks(shapes.len().div_ceil(count)).enumerate() {
            let file = format!("model-{:05}-of-{count:05}.safetensors", at + 1);
            self.weights(&format!("{folder}/{file}"), part);
            map.extend(part.iter().map(|(name, _)| (name.clone(), json!(file))));
        }
        let index = json!({"metadata": {"total_size": 4}, "weight_map": map});
        self.json(&format!("{folder}/model.safetensors.index.json"), &index);
    }

    pub(super) fn weights(&self, file: &str, shapes: &[(String, Vec<usize>)]) {
        let bytes: Vec<Vec<u8>> = shapes
            .iter()
            .map(|(name, shape)| values(name, shape))
            .collect();
        let views = shapes.iter().zip(&bytes).map(|((name, shape), bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
            (name.clone(), view)
        });
        self.write(file, safetensors::serialize(views, None).unwrap());
    }
}

/// A tokenizer of single bytes, a beginning and an end of text.
pub(super) fn tokenizer() -> Value {
    let vocabulary: serde_json::Map<String, Value> = letters()
        .into_iter()
        .enumerate()
        .map(|(id, letter)| (letter.to_string(), json!(id)))
        .collect();
    let special = |id: usize, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
        "added_tokens": [special(256, "<s>"), special(257, "</s>")],
        "pre_tokenizer": level, "post_processor": null, "decoder": level,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "vocab": vocabulary, "merges": []},
    })
}

/// The letter that byte-level tokenizers write for each byte: itself where it is printable, else one past 255.
fn letters() -> Vec<char> {
    let printable = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut next = 256;
    let letter = |byte: u32| {
        if printable(byte) {
            return char::from_u32(byte).unwrap();
        }
        next += 1;
        char::from_u32(next - 1).unwrap()
    };
    (0..256).map(letter).collect()
}

pub(super) fn shapes() -> Vec<(String, Vec<usize>)> {
    let block =
        |name: &str, shape: &[usize]| (format!("model.layers.0.{name}.weight"), shape.to_vec());
    let whole = |name: &str, shape: &[usize]| (format!("model.{name}.weight"), shape.to_vec());
    vec![
        whole("embed_tokens", &[VOCABULARY, HIDDEN]),
        block("self_attn.q_proj", &[2 * HEAD, HIDDEN]),
        block("self_attn.k_proj", &[HEAD, HIDDEN]),
        block("self_attn.v_proj", &[HEAD, HIDDEN]),
        block("self_attn.o_proj", &[HIDDEN, 2 * HEAD]),
        block("mlp.gate_proj", &[INTER, HIDDEN]),
        block("mlp.up_proj", &[INTER, HIDDEN]),
        block("mlp.down_proj", &[HIDDEN, INTER]),
        block("input_layernorm", &[HIDDEN]),
        block("post_attention_layernorm", &[HIDDEN]),
        whole("norm", &[HIDDEN]),
    ]
}

fn values(name: &str, shape: &[usize]) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let value = |at: usize| {
        let place = u16::try_from((at * 37 + name.len() * 11) % 101).unwrap();
        let wave = f32::from(place) / 101.0 - 0.5;
        if shape.len() == 1 {
            1.0 + wave / 10.0
        } else {
            wave
        }
    };
    (0..count).flat_map(|at| value(at).to_le_bytes()).collect()
}
