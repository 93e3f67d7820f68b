//! How byte-level tokenizers cut a text before they merge: by name in a GGUF file, by expression in a
//! `tokenizer.json`.
//!
//! The expressions are those of the checkpoints' own `tokenizer.json`, which llama.cpp has under these names
//! (`convert_hf_to_gguf.py`, `llama-vocab.cpp`).

use serde_json::{Value, json};

use crate::mistral_regex::{LLAMA3, TEKKEN};

const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// A way to cut a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PreTokenizer {
    /// GPT-2's.
    Gpt2,
    /// Single digits first, then GPT-2's.
    Digits,
    Llama3,
    Qwen2,
    /// Mistral's since Nemo.
    Tekken,
}

impl PreTokenizer {
    const ALL: [Self; 5] = [
        Self::Gpt2,
        Self::Digits,
        Self::Llama3,
        Self::Qwen2,
        Self::Tekken,
    ];

    /// The names of this one in files; the first is the one that is written.
    fn own_names(self) -> &'static [&'static str] {
        match self {
            Self::Gpt2 => &["gpt-2", "default"],
            Self::Digits => &["smollm", "starcoder", "refact", "command-r", "codeshell"],
            Self::Llama3 => &["llama-bpe", "llama3", "llama-v3"],
            Self::Qwen2 => &["qwen2"],
            Self::Tekken => &["tekken"],
        }
    }

    /// The one of this name in a file.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let has = |one: &Self| one.own_names().contains(&name);
        Self::ALL.into_iter().find(has)
    }

    /// The name that is written.
    pub(super) fn name(self) -> &'static str {
        self.own_names().first().copied().unwrap_or_default()
    }

    /// All names, for errors.
    pub(super) fn names() -> String {
        let all = Self::ALL.into_iter().flat_map(Self::own_names);
        all.copied().collect::<Vec<_>>().join(", ")
    }

    /// Whether llama.cpp puts the beginning of a text before it where a file does not say.
    pub(super) fn begins_texts(self) -> bool {
        matches!(self, Self::Llama3 | Self::Tekken)
    }

    /// Whether a word that is a token as it stands is not merged from its parts.
    pub(super) fn keeps_whole_words(self) -> bool {
        self.begins_texts()
    }

    /// The `normalizer` of a `tokenizer.json`.
    pub(super) fn normalizer(self) -> Value {
        match self {
            Self::Qwen2 => json!({ "type": "NFC" }),
            _ => Value::Null,
        }
    }

    /// The `pre_tokenizer` of a `tokenizer.json`.
    pub(super) fn to_json(self) -> Value {
        let split = |regex: &str| {
            let split = json!({ "type": "Split", "pattern": { "Regex": regex },
                "behavior": "Isolated", "invert": false });
            json!({ "type": "Sequence", "pretokenizers": [split, byte_level(false)] })
        };
        match self {
            Self::Gpt2 => byte_level(true),
            Self::Digits => {
                let digits = json!({ "type": "Digits", "individual_digits": true });
                json!({ "type": "Sequence", "pretokenizers": [digits, byte_level(true)] })
            }
            Self::Llama3 => split(LLAMA3),
            Self::Qwen2 => split(QWEN2),
            Self::Tekken => split(TEKKEN),
        }
    }

    /// The one that a `tokenizer.json` has.
    pub(super) fn of_json(pre_tokenizer: &Value) -> Option<Self> {
        let cuts = cuts(pre_tokenizer);
        let has = |one: &Self| self::cuts(&one.to_json()) == cuts;
        Self::ALL.into_iter().find(has)
    }
}

/// The byte level of a `tokenizer.json`, with GPT-2's expression or behind another.
pub(super) fn byte_level(regex: bool) -> Value {
    json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
        "use_regex": regex })
}

/// What cuts a text, without what matters to offsets alone.
fn cuts(pre_tokenizer: &Value) -> Vec<Value> {
    let all = match pre_tokenizer["pretokenizers"].as_array() {
        Some(all) => all.clone(),
        None => vec![pre_tokenizer.clone()],
    };
    let mut all = all;
    for one in all.iter_mut().filter_map(Value::as_object_mut) {
        one.remove("trim_offsets");
        // An absent one is true.
        if one.get("type").is_some_and(|kind| kind == "ByteLevel") {
            one.entry("use_regex").or_insert(true.into());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name_and_by_its_expression() {
        for one in PreTokenizer::ALL {
            assert_eq!(PreTokenizer::of_name(one.name()), Some(one));
            assert_eq!(PreTokenizer::of_json(&one.to_json()), Some(one));
        }
        let mut other = PreTokenizer::Qwen2.to_json();
        other["pretokenizers"][1]["trim_offsets"] = false.into();
        assert_eq!(PreTokenizer::of_json(&other), Some(PreTokenizer::Qwen2));
        other["pretokenizers"][0]["pattern"]["Regex"] = r"\w+".into();
        assert_eq!(PreTokenizer::of_json(&other), None);
    }
}
