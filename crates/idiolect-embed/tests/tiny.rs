//! An encoder of one block that is made here: texts without a token, and ids that have no embedding.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use std::path::Path;

use burn::tensor::Device;
use idiolect_embed::Embedder;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

const WIDTH: usize = 4;

/// Weights that differ from place to place.
fn weights() -> Vec<u8> {
    let square = |name: &str| (format!("encoder.layer.0.{name}"), true);
    let norm = |name: &str| (name.to_owned(), false);
    let maps = [
        square("attention.self.query"),
        square("attention.self.key"),
        square("attention.self.value"),
        square("attention.output.dense"),
        square("intermediate.dense"),
        square("output.dense"),
        norm("encoder.layer.0.attention.output.LayerNorm"),
        norm("encoder.layer.0.output.LayerNorm"),
        norm("embeddings.LayerNorm"),
    ];
    let tables = [("word", 4), ("position", 8), ("token_type", 2)];
    let mut shapes: Vec<(String, Vec<usize>)> = tables
        .map(|(name, rows)| {
            (
                format!("embeddings.{name}_embeddings.weight"),
                vec![rows, WIDTH],
            )
        })
        .to_vec();
    for (name, is_square) in maps {
        let shape = if is_square {
            vec![WIDTH, WIDTH]
        } else {
            vec![WIDTH]
        };
        shapes.push((format!("{name}.weight"), shape));
        shapes.push((format!("{name}.bias"), vec![WIDTH]));
    }
    let bytes = |shape: &[usize]| {
        let values = (0_u8..).take(shape.iter().product());
        values
            .flat_map(|at| (f32::from(at % 7) / 7.0).to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let bytes: Vec<Vec<u8>> = shapes.iter().map(|(_, shape)| bytes(shape)).collect();
    let views = shapes.iter().zip(&bytes).map(|((name, shape), bytes)| {
        (
            name.clone(),
            TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
        )
    });
    safetensors::serialize(views, None).unwrap()
}

/// A tokenizer of three letters whose post-processor ends a text with an id.
fn tokenizer(end: Option<u32>) -> Value {
    let special = |id: u32| {
        json!({"type": "TemplateProcessing", "pair": [],
        "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "e", "type_id": 0}}],
        "special_tokens": {"e": {"id": "e", "ids": [id], "tokens": ["e"]}}})
    };
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "added_tokens": [],
        "pre_tokenizer": null, "post_processor": end.map(special), "decoder": null,
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2}, "merges": []},
    })
}

fn embedder(folder: &Path, end: Option<u32>) -> Embedder {
    let config = json!({"model_type": "bert", "hidden_act": "gelu", "vocab_size": 4, "hidden_size": WIDTH,
        "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": WIDTH,
        "max_position_embeddings": 8, "type_vocab_size": 2, "layer_norm_eps": 1e-12});
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    std::fs::write(folder.join("model.safetensors"), weights()).unwrap();
    std::fs::write(folder.join("tokenizer.json"), tokenizer(end).to_string()).unwrap();
    Embedder::load(folder, &Device::flex()).unwrap()
}

#[test]
fn a_text_without_a_token_has_a_vector_of_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let plain = embedder(folder.path(), None);
    let [empty] = plain.embed(&[""], 1).unwrap().try_into().unwrap();
    assert_eq!(empty, [0.0; WIDTH]);
    let both = plain.embed(&["", "abc"], 2).unwrap();
    assert_eq!(both[0], empty);
    let length = both[1].iter().map(|value| value * value).sum::<f32>();
    assert!((length - 1.0).abs() < 1e-5, "{both:?}");
}

#[test]
fn an_id_of_the_post_processor_without_an_embedding_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let known = embedder(folder.path(), Some(3));
    assert_eq!(known.ids("ab").unwrap(), [0, 1, 3]);
    let error = embedder(folder.path(), Some(4))
        .embed(&["ab"], 1)
        .unwrap_err();
    let expected = "tokenizer.json: ";
    let text = error.to_string();
    assert!(
        text.contains(expected) && text.contains("expected ids below 4, found 4"),
        "{text}"
    );
}
