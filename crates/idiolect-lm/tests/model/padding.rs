//! A padding token that the embedding has no row for.

use idiolect_lm::LanguageModel;
use idiolect_tokens::TokenRow;

use crate::tiny::{folder, loss, tiny};

/// A copy of a tiny checkpoint to whose tokenizer a token was added behind all others, without a row of the
/// embedding.
fn with_token_beyond_the_embedding(token: &str) -> Option<tempfile::TempDir> {
    let from = folder("tiny-llama3")?;
    let place = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(from.join(name), place.path().join(name)).unwrap();
    }
    let read = |name: &str| {
        let text = std::fs::read_to_string(from.join(name)).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let mut tokenizer = read("tokenizer.json");
    let added = serde_json::json!({"id": 384, "content": token, "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true});
    tokenizer["added_tokens"]
        .as_array_mut()
        .unwrap()
        .push(added);
    let mut config = read("tokenizer_config.json");
    config["pad_token"] = "[PAD]".into();
    for (name, json) in [
        ("tokenizer.json", tokenizer),
        ("tokenizer_config.json", config),
    ] {
        std::fs::write(place.path().join(name), json.to_string()).unwrap();
    }
    let mut config = read("config.json");
    config["pad_token_id"] = 384.into();
    std::fs::write(place.path().join("config.json"), config.to_string()).unwrap();
    Some(place)
}

#[test]
fn a_padding_token_without_a_row_of_the_embedding_is_no_obstacle() {
    let (Some(place), Some(plain)) = (with_token_beyond_the_embedding("[PAD]"), tiny()) else {
        return;
    };
    let model = LanguageModel::open(&place.path().display().to_string()).unwrap();
    assert!((model.pad_id() as usize) < model.decoder().config.vocab_size);
    assert_eq!(loss(&model).to_bits(), loss(&plain).to_bits());
    // Where the token is read it is an error, not another token.
    let padded = TokenRow::all_trained(0.into(), vec![1, 5, 384, 6]);
    let error = model
        .score(&[padded], 1, &idiolect_completion::Quiet)
        .unwrap_err();
    assert!(error.to_string().contains("384"), "{error}");
    let place = with_token_beyond_the_embedding("<|other|>").unwrap();
    let error = LanguageModel::open(&place.path().display().to_string()).unwrap_err();
    assert!(error.to_string().contains("<|other|>"), "{error}");
}
