//! Vectors and cosines of all-MiniLM-L6-v2 against those of sentence-transformers and of a float64 forward pass.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use idiolect_embed::{Embedder, cosine};
use idiolect_testkit::{Tensors, minilm, shared};
use serde_json::Value;

fn place() -> Option<(Embedder, PathBuf)> {
    let embedder = Embedder::load(&minilm()?, &Device::flex()).unwrap();
    Some((embedder, shared()?))
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn vectors_of_sentence_transformers() {
    let Some((embedder, shared)) = place() else {
        return;
    };
    let folder = shared.join("oracles/minilm");
    let oracle = std::fs::read_to_string(folder.join("minilm_oracle.json")).unwrap();
    let oracle: Value = serde_json::from_str(&oracle).unwrap();
    let sentences = oracle["sentences"].as_array().unwrap();
    let sentences: Vec<&str> = sentences.iter().map(|one| one.as_str().unwrap()).collect();
    for (sentence, ids) in sentences
        .iter()
        .zip(oracle["token_ids"].as_array().unwrap())
    {
        assert_eq!(serde_json::json!(embedder.ids(sentence).unwrap()), *ids);
    }
    let (shape, expected) = Tensors::read(&folder.join("minilm_oracle.safetensors"))
        .unwrap()
        .f32("embeddings")
        .unwrap();
    // Batches of one and of several give the same vectors.
    for batch_size in [1, 7] {
        let found = embedder.embed(&sentences, batch_size).unwrap();
        assert_eq!(shape, [found.len(), embedder.width()]);
        for (found, expected) in found.concat().iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}

#[test]
fn cosines_of_recorded_pairs() {
    let Some((embedder, shared)) = place() else {
        return;
    };
    let oracles = shared.join("data/oracles");
    let pairs = lines(&oracles.join("text_pairs.jsonl"));
    let pairs: BTreeMap<&str, &Value> = pairs
        .iter()
        .map(|row| (row["id"].as_str().unwrap(), row))
        .collect();
    let rows = lines(&oracles.join("embedding_minilm.jsonl"));
    // Some pairs were recorded without their texts. All others take seconds: every third holds the numbers.
    let known = |row: &&Value| row["id"].as_str().is_some_and(|id| pairs.contains_key(id));
    let rows: Vec<&Value> = rows.iter().filter(known).step_by(3).collect();
    assert!(20 <= rows.len(), "{}", rows.len());
    let mut texts = Vec::new();
    for row in &rows {
        let pair = pairs[row["id"].as_str().unwrap()];
        texts.extend(["reference", "hypothesis"].map(|field| pair[field].as_str().unwrap()));
    }
    let found = embedder.embed(&texts, 16).unwrap();
    assert_eq!(found.len(), 2 * rows.len());
    for ((row, pair), texts) in rows.iter().zip(found.chunks(2)).zip(texts.chunks(2)) {
        let expected = row["cosine"].as_f64().unwrap();
        let cosine = cosine(&pair[0], &pair[1]);
        assert!(
            (cosine - expected).abs() < 1e-5,
            "{}: {cosine} {expected}",
            row["id"]
        );
        let tokens = texts.iter().map(|text| embedder.ids(text).unwrap().len());
        let tokens: Vec<usize> = tokens.collect();
        assert_eq!(
            (&row["ref_tokens"], &row["hyp_tokens"]),
            (&tokens[0].into(), &tokens[1].into())
        );
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let load = || {
        Embedder::load(folder.path(), &Device::flex())
            .unwrap_err()
            .to_string()
    };
    assert!(load().contains("config.json"), "{}", load());
    let config = |act: &str, heads: usize| {
        let text = format!(
            r#"{{"model_type": "bert", "hidden_act": "{act}", "vocab_size": 4, "hidden_size": 8,
            "num_hidden_layers": 1, "num_attention_heads": {heads}, "intermediate_size": 16,
            "max_position_embeddings": 8, "type_vocab_size": 2, "layer_norm_eps": 1e-12}}"#
        );
        std::fs::write(folder.path().join("config.json"), text).unwrap();
    };
    config("relu", 2);
    assert!(
        load().contains("hidden_act: expected gelu, found relu"),
        "{}",
        load()
    );
    config("gelu", 3);
    assert!(load().contains("num_attention_heads"), "{}", load());
    config("gelu", 2);
    let path = folder.path().join("config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let none = text.replace("\"hidden_size\": 8", "\"hidden_size\": 0");
    std::fs::write(&path, none).unwrap();
    assert!(
        load().contains("hidden_size: expected at least 1, found 0"),
        "{}",
        load()
    );
    for eps in ["0", "-1", "1e308"] {
        std::fs::write(&path, text.replace("1e-12", eps)).unwrap();
        let expected = "layer_norm_eps: expected above 0 and at most 1";
        assert!(load().contains(expected), "{}", load());
    }
    config("gelu", 2);
    assert!(load().contains("model.safetensors"), "{}", load());
    std::fs::write(
        folder.path().join("model.safetensors"),
        "\u{2}\0\0\0\0\0\0\0{}",
    )
    .unwrap();
    assert!(
        load().contains("embeddings.token_type_embeddings.weight"),
        "{}",
        load()
    );
}
