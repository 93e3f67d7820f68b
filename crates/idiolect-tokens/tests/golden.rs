//! Ids against transformers, sentencepiece and the shared oracles.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_collect,
    clippy::needless_raw_string_hashes,
    reason = "helpers of tests may panic; expect-test writes the hashes"
)]

mod common;

use common::{byte_level, golden, ids, sentence_piece, smollm2, vocabulary};
use idiolect_prompt::{
    ChatTemplate, ChatTokens, DistillTemplate, NamedTemplate, Piece, Preset, Rendered,
};
use idiolect_testkit::shared_file;
use idiolect_tokens::{GgufVocabulary, Tokenizer, TokenizerConfig};
use serde_json::{Value, json};

fn check_texts(tokenizer: &Tokenizer, rows: &Value) {
    for row in rows.as_array().unwrap() {
        let text = row["text"].as_str().unwrap();
        let found = tokenizer.encode_text(text).unwrap();
        assert_eq!(found, ids(&row["ids"]), "{text:?}");
        assert_eq!(
            tokenizer.decode(&found, false).unwrap(),
            row["decoded"].as_str().unwrap_or(text)
        );
    }
}

#[test]
fn byte_level_ids_are_those_of_transformers() {
    let golden = golden("byte_level_ids.json");
    check_texts(&byte_level(), &golden["texts"]);
    let (from_gguf, config) = Tokenizer::from_gguf(&vocabulary(&golden["gguf"])).unwrap();
    check_texts(&from_gguf, &golden["texts"]);
    assert_eq!(config.special.eos.as_deref(), golden["eos"].as_str());
    assert_eq!(from_gguf.bos(), byte_level().bos());
}

#[test]
fn sentence_piece_ids_are_those_of_sentencepiece() {
    check_texts(&sentence_piece(), &golden("sentence_piece.json")["texts"]);
}

#[test]
fn preset_forms_have_the_reference_ids() {
    check_forms(&sentence_piece(), &golden("sentence_piece.json"));
}

#[test]
fn preset_forms_have_the_reference_ids_for_llama_3() {
    check_forms(&byte_level(), &golden("byte_level_ids.json"));
}

#[test]
fn no_form_of_a_preset_is_without_ids() {
    let goldens = [golden("sentence_piece.json"), golden("byte_level_ids.json")];
    let has = |key: &str, name: &str| goldens.iter().any(|golden| golden[key].get(name).is_some());
    for preset in ["sdft-2402/main", "sdft-2402/reproduce", "nift-2409"] {
        let preset = Preset::by_name(preset).unwrap();
        for template in preset.templates {
            assert!(has("forms", &template.name), "{}", template.name);
        }
        for template in preset.distill {
            assert!(has("distill", template.name()), "{}", template.name());
        }
    }
}

/// Every form of the golden file, as a conversation of two turns and as a question for a rewrite.
fn check_forms(tokenizer: &Tokenizer, golden: &Value) {
    let turns: Vec<String> = serde_json::from_value(golden["turns"].clone()).unwrap();
    let turn = |at: usize| {
        let role = ["user", "assistant"][at % 2];
        json!({"role": role, "content": turns[at]})
    };
    let messages = |count: usize| (0..count).map(turn).collect::<Vec<_>>();
    let parse = |value: Value| serde_json::from_value(value).unwrap();
    for (name, expected) in golden["forms"].as_object().unwrap() {
        let template = NamedTemplate::by_name(name).unwrap();
        let messages: Vec<_> = messages(4).into_iter().map(parse).collect();
        let encoded = tokenizer
            .encode(&template.example(&messages).unwrap())
            .unwrap();
        assert_eq!(encoded.ids, ids(&expected["ids"]), "{name}");
        assert_eq!(json!(encoded.trained), expected["trained"], "{name}");
    }
    for (name, expected) in golden["distill"].as_object().unwrap() {
        let example = json!({"id": 0, "messages": messages(2)});
        let example = serde_json::from_value(example).unwrap();
        let prompt = DistillTemplate::by_name(name)
            .unwrap()
            .prompt(&example)
            .unwrap();
        assert_eq!(
            tokenizer.encode(&prompt).unwrap().ids,
            ids(&expected["ids"]),
            "{name}"
        );
    }
}

#[test]
fn chats_have_the_ids_of_transformers() {
    let golden = golden("byte_level_ids.json");
    let text = |key: &str| golden[key].as_str().map(str::to_owned);
    let tokens = ChatTokens {
        bos: text("bos"),
        eos: text("eos"),
        ..ChatTokens::default()
    };
    let chat = ChatTemplate::new(&text("template").unwrap(), tokens).unwrap();
    let tokenizer = byte_level();
    for row in golden["chats"].as_array().unwrap() {
        let messages: Vec<_> = serde_json::from_value(row["messages"].clone()).unwrap();
        let example = chat.example(&messages).unwrap();
        let prompt = chat.prompt(&messages[..messages.len() - 1]).unwrap();
        assert_eq!(tokenizer.encode(&prompt).unwrap().ids, ids(&row["prompt"]));
        let found = tokenizer.example_row(json!(7), &example, &[]).unwrap();
        assert_eq!(found.input_ids, ids(&row["example"]));
        let trained: Vec<u32> = found
            .labels
            .iter()
            .filter_map(|&l| u32::try_from(l).ok())
            .collect();
        let trained = tokenizer.decode(&trained, false).unwrap();
        let answers = messages.iter().filter(|m| m.role.as_str() == "assistant");
        assert_eq!(
            trained,
            answers
                .map(|m| format!("{}<|eot_id|>", m.content))
                .collect::<String>()
        );
    }
}

#[test]
fn the_tiny_oracle_is_met() {
    let Some(folder) = shared_file("oracles/tiny/tiny-llama2") else {
        return;
    };
    let (tokenizer, config) = Tokenizer::from_folder(&folder).unwrap();
    let oracle = std::fs::read(folder.join("../tokenizer_oracle.json")).unwrap();
    let oracle: Value = serde_json::from_slice(&oracle).unwrap();
    for row in oracle.as_array().unwrap() {
        let found = tokenizer
            .encode_text(row["text"].as_str().unwrap())
            .unwrap();
        assert_eq!(found, ids(&row["ids"]));
        assert_eq!(
            tokenizer.decode(&found, false).unwrap(),
            row["decoded_keep_special"]
        );
        assert_eq!(
            tokenizer.decode(&found, true).unwrap(),
            row["decoded_skip_special"]
        );
    }
    assert_eq!((tokenizer.vocab_size(), tokenizer.bos()), (384, None));
    assert!(config.chat_template(None).is_some() && config.model_max_length == Some(256));
}

/// The chat texts and ids that the model's own library gives.
#[test]
fn the_smollm2_oracle_is_met() {
    let (Some(file), Some(oracle)) = (
        smollm2("tokenizer.json"),
        shared_file("oracles/smollm2/oracle.json"),
    ) else {
        return;
    };
    let (tokenizer, config) = Tokenizer::from_folder(file.parent().unwrap()).unwrap();
    let oracle: Value = serde_json::from_slice(&std::fs::read(oracle).unwrap()).unwrap();
    for row in oracle["tokenizer"].as_array().unwrap() {
        let found = tokenizer
            .encode_text(row["text"].as_str().unwrap())
            .unwrap();
        assert_eq!(found, ids(&row["ids"]));
    }
    let special = &config.special;
    let tokens = ChatTokens {
        bos: special.bos.clone(),
        eos: special.eos.clone(),
        ..ChatTokens::default()
    };
    let chat = ChatTemplate::new(config.chat_template(None).unwrap(), tokens).unwrap();
    for row in oracle["generation"].as_array().unwrap() {
        let message = json!({"role": "user", "content": row["prompt"]});
        let prompt = chat
            .prompt(&[serde_json::from_value(message).unwrap()])
            .unwrap();
        assert_eq!(prompt.text("", ""), row["text"]);
        assert_eq!(tokenizer.encode(&prompt).unwrap().ids, ids(&row["ids"]));
        assert_eq!(
            tokenizer.decode(&ids(&row["greedy_ids"]), false).unwrap(),
            row["greedy_text"]
        );
    }
}

/// A vocabulary as a GGUF file has it, put together from the folder that was made from one.
fn gguf_of(tokenizer_json: &Value, config: &TokenizerConfig) -> GgufVocabulary {
    let mut tokens: Vec<(u64, String)> = tokenizer_json["model"]["vocab"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(token, id)| (id.as_u64().unwrap(), token.clone()))
        .collect();
    tokens.sort_unstable();
    let tokens: Vec<String> = tokens.into_iter().map(|(_, token)| token).collect();
    let added = tokenizer_json["added_tokens"].as_array().unwrap();
    let special = |token: &String| added.iter().any(|row| row["content"] == *token);
    let id = |name: &Option<String>| {
        let at = tokens.iter().position(|token| Some(token) == name.as_ref());
        at.map(|at| u32::try_from(at).unwrap())
    };
    let merge = |merge: &Value| match merge {
        Value::String(text) => text.clone(),
        pair => format!(
            "{} {}",
            pair[0].as_str().unwrap(),
            pair[1].as_str().unwrap()
        ),
    };
    GgufVocabulary {
        model: "gpt2".into(),
        pre: Some("smollm".into()),
        token_types: tokens
            .iter()
            .map(|token| if special(token) { 3 } else { 1 })
            .collect(),
        merges: tokenizer_json["model"]["merges"]
            .as_array()
            .unwrap()
            .iter()
            .map(merge)
            .collect(),
        bos: id(&config.special.bos),
        eos: id(&config.special.eos),
        tokens,
        ..GgufVocabulary::default()
    }
}

#[test]
fn smollm2_out_of_gguf_is_smollm2_out_of_its_folder() {
    let Some(file) = smollm2("tokenizer.json") else {
        return;
    };
    let (from_folder, config) = Tokenizer::from_folder(file.parent().unwrap()).unwrap();
    let json: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let (from_gguf, _) = Tokenizer::from_gguf(&gguf_of(&json, &config)).unwrap();
    assert_eq!(from_gguf.special_tokens(), from_folder.special_tokens());
    let Some(rows) = shared_file("data/sdft/alpaca_train.json") else {
        return;
    };
    let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(rows).unwrap()).unwrap();
    let golden = golden("byte_level_ids.json");
    let texts = golden["texts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["text"].as_str().unwrap());
    let texts = texts.chain(
        rows.iter()
            .take(300)
            .map(|row| row["output"].as_str().unwrap()),
    );
    for text in texts {
        let found = from_gguf.encode_text(text).unwrap();
        assert_eq!(found, from_folder.encode_text(text).unwrap(), "{text:?}");
        assert_eq!(from_gguf.decode(&found, false).unwrap(), text);
    }
}

#[test]
fn a_chat_of_smollm2_is_one_text() {
    // Its default system message and its missing beginning of text, in ids.
    let Some(file) = smollm2("tokenizer.json") else {
        return;
    };
    let (tokenizer, _) = Tokenizer::from_folder(file.parent().unwrap()).unwrap();
    let vanilla = Rendered {
        pieces: vec![
            Piece::Special {
                token: idiolect_prompt::Special::Bos,
                trained: false,
            },
            Piece::Text(vec![common::segment("Hello world", false, true)]),
        ],
    };
    assert_eq!(tokenizer.encode(&vanilla).unwrap().ids, [19556, 905]);
    assert_eq!((tokenizer.vocab_size(), tokenizer.pad()), (49152, 2));
}
